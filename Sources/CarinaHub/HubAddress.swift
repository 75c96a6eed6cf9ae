import Foundation

/// An http or https address, as far as redirects and the question of who may see the token need it.
struct HubAddress: Equatable {
  /// The whole of it.
  let text: String
  /// Scheme, host and port, in small letters: who is spoken to.
  let origin: String

  /// Nil for anything else than `http://…` and `https://…` with a host.
  init?(_ text: String) {
    guard let colon = text.range(of: "://"), ["http", "https"].contains(text[..<colon.lowerBound].lowercased()) else {
      return nil
    }
    let host = text[colon.upperBound...].prefix { !"/?#".contains($0) }
    guard !host.isEmpty, !host.contains("@"), text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else { return nil }
    self.text = text
    origin = (text[..<colon.upperBound] + host).lowercased()
  }

  /// Where a redirect from here leads; nil where that is no address.
  func redirected(to location: String) -> HubAddress? {
    if location.hasPrefix("//") { return HubAddress("\(origin.prefix { $0 != "/" })\(location)") }
    if location.hasPrefix("/") { return HubAddress(origin + location) }
    if location.contains("://") || location.isEmpty { return HubAddress(location) }
    // Relative to the directory of this address (RFC 3986, 5.2).
    let plain = text.prefix { $0 != "?" && $0 != "#" }
    guard let slash = plain.dropFirst(origin.count).lastIndex(of: "/") else {
      return HubAddress("\(origin)/\(location)")
    }
    return HubAddress("\(plain[...slash])\(location)")
  }

  /// A text as a part of a path: what is no letter, digit or one of `-._~` is encoded, slashes too unless told otherwise.
  static func encoded(_ text: String, keepingSlashes: Bool = false) -> String {
    let plain = Array("-._~".utf8) + (keepingSlashes ? [UInt8(ascii: "/")] : [])
    return text.utf8.map { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        return String(UnicodeScalar(byte))
      default: return plain.contains(byte) ? String(UnicodeScalar(byte)) : String(format: "%%%02X", byte)
      }
    }.joined()
  }
}
