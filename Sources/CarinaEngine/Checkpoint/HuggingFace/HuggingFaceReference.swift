import CarinaRuntime
import Foundation

/// What names a model of the Hugging Face hub: `ORG/NAME`, `ORG/NAME@REVISION`, `hf://ORG/NAME`, or the address of its
/// page, `https://huggingface.co/ORG/NAME` with or without `/tree/REVISION`.
struct HuggingFaceReference: Equatable {
  /// `NAME` or `ORG/NAME`.
  let identifier: String
  /// A branch, a tag, a reference such as `refs/pr/1`, or the hash of a commit; nil for the main branch.
  let revision: String?

  /// Reads a reference; nil for a text that can be none.
  /// - Parameter endpoint: the address of another hub, as `HF_ENDPOINT` has it.
  init?(_ text: String, endpoint: String? = nil) {
    if let path = HuggingFaceReference.pagePath(text, endpoint: endpoint) {
      self.init(page: path)
    } else if text.hasPrefix("hf://") {
      var path = text.dropFirst("hf://".count)
      if path.hasPrefix("models/") { path = path.dropFirst("models/".count) }
      self.init(path: path)
    } else {
      self.init(path: text[...])
    }
  }

  /// `ORG/NAME` with perhaps `@REVISION`, in which a slash may be written `%2F`.
  private init?(path: Substring) {
    let parts = path.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
    var identifier = parts.first ?? ""
    if parts.count == 1, identifier.hasSuffix("/") { identifier = identifier.dropLast() }
    self.init(identifier: String(identifier), revision: parts.count == 2 ? String(parts[1]) : nil)
  }

  /// The path of a model's page: `ORG/NAME`, `ORG/NAME/tree/REVISION`.
  private init?(page path: Substring) {
    var parts = path.prefix { $0 != "?" && $0 != "#" }.split(separator: "/").map(String.init)
    if parts.first == "models" { parts.removeFirst() }
    guard let page = parts.firstIndex(where: { $0 == "tree" || $0 == "commit" }), page > 0 else {
      self.init(identifier: parts.joined(separator: "/"), revision: nil)
      return
    }
    // A revision's own slashes are encoded there, except those of `refs/pr/1`.
    let revision = parts[(page + 1)...]
    guard revision.count == 1 || revision.first == "refs" && revision.count == 3 else { return nil }
    self.init(identifier: parts[..<page].joined(separator: "/"), revision: revision.joined(separator: "/"))
  }

  private init?(identifier: String, revision: String?) {
    guard HuggingFaceReference.isIdentifier(identifier) else { return nil }
    self.identifier = identifier
    guard let revision else {
      self.revision = nil
      return
    }
    guard let decoded = revision.removingPercentEncoding, HuggingFaceReference.isRevision(decoded) else { return nil }
    self.revision = decoded
  }

  /// Whether a text begins as an address does, and so can be no path.
  static func isAddress(_ text: String, endpoint: String? = nil) -> Bool {
    text.hasPrefix("hf://") || pagePath(text, endpoint: endpoint) != nil
      || text.hasPrefix("https://") || text.hasPrefix("http://")
  }

  /// What follows the name of a hub; nil for an address elsewhere.
  private static func pagePath(_ text: String, endpoint: String?) -> Substring? {
    var rest = text[...]
    for scheme in ["https://", "http://"] where rest.hasPrefix(scheme) { rest = rest.dropFirst(scheme.count) }
    var hosts = ["huggingface.co", "www.huggingface.co", "hf.co"]
    if let own = endpoint?.split(separator: "://").last, !own.isEmpty {
      hosts.append(String(own.hasSuffix("/") ? own.dropLast() : own))
    }
    for host in hosts where rest.hasPrefix(host + "/") { return rest.dropFirst(host.count + 1) }
    return nil
  }

  /// Letters, digits, `-`, `_` and `.`, in one part or two.
  private static func isIdentifier(_ text: String) -> Bool {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    return (1...2).contains(parts.count)
      && parts.allSatisfy { part in
        guard let first = part.first, first != ".", first != "-" else { return false }
        return part.utf8.allSatisfy { byte in
          switch byte {
          case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
            return true
          default: return false
          }
        }
      }
  }

  /// A path of one or more names below `refs`, none of which leads out of it.
  private static func isRevision(_ text: String) -> Bool {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    return !text.isEmpty && parts.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." && !$0.contains("\0") }
  }
}
