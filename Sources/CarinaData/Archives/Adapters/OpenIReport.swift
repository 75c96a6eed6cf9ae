import CarinaRuntime
import Foundation

#if canImport(FoundationXML)
  import FoundationXML
#endif

final class OpenIReport: NSObject, XMLParserDelegate {
  private(set) var id = ""
  private(set) var images: [String] = []
  private(set) var findings = "", impression = ""
  private var text = ""
  private var label = ""
  private var root = ""

  /// - Throws: `CarinaError.badData` for what is no XML or no report.
  static func read(_ path: String) throws -> OpenIReport {
    let report = OpenIReport()
    let file = try TextFile.bytes(path, limit: .report)
    guard let data = inUTF8(file) else {
      throw CarinaError(
        .badData, "is neither valid UTF-8 nor text of the encoding that it names", at: path, remedy: "Fetch it again.")
    }
    let parser = XMLParser(data: data)
    parser.shouldResolveExternalEntities = false
    parser.delegate = report
    // The parser of some platforms accepts a document that ends before its root does.
    guard parser.parse(), data.range(of: Data("</\(report.root)".utf8), options: .backwards) != nil else {
      throw CarinaError(
        .badData, "is no whole XML document", at: path,
        found: "an error in line \(parser.lineNumber)", remedy: "Fetch it again.")
    }
    guard !report.id.isEmpty else { throw CarinaError(.badData, "names no report (uId)", at: path) }
    return report
  }

  /// The document in UTF-8, where necessary from another encoding and then without its declaration; nil for what cannot be
  /// decoded. The parser of some platforms ends the process at a name that is not UTF-8, and goes on with bytes as they are
  /// where it does not know the encoding's name: nothing else than UTF-8 reaches it.
  private static func inUTF8(_ file: Data) -> Data? {
    if String(validating: file, as: UTF8.self) != nil { return file }
    guard let encoding = declaredEncoding(file), var text = String(data: file, encoding: encoding) else { return nil }
    if text.hasPrefix("\u{FEFF}") { text.removeFirst() }
    if text.hasPrefix("<?xml"), let end = text.range(of: "?>") { text = String(text[end.upperBound...]) }
    return Data(text.utf8)
  }

  private static func declaredEncoding(_ file: Data) -> String.Encoding? {
    if file.starts(with: [0xFF, 0xFE]) || file.starts(with: [0xFE, 0xFF]) { return .utf16 }
    let start = String(decoding: file.prefix(200), as: UTF8.self).lowercased()
    guard let declaration = start.firstMatch(of: /encoding\s*=\s*["']([a-z0-9._-]+)["']/) else { return nil }
    switch declaration.1 {
    case "iso-8859-1", "latin1": return .isoLatin1
    case "iso-8859-2": return .isoLatin2
    case "windows-1250": return .windowsCP1250
    case "windows-1251": return .windowsCP1251
    case "windows-1252": return .windowsCP1252
    default: return nil
    }
  }

  func parser(
    _ parser: XMLParser, didStartElement element: String, namespaceURI: String?, qualifiedName: String?,
    attributes: [String: String] = [:]
  ) {
    text = ""
    if root.isEmpty { root = element }
    switch element {
    case "uId": id = attributes["id"] ?? ""
    case "parentImage": if let image = attributes["id"], !image.isEmpty { images.append(image) }
    case "AbstractText": label = attributes["Label"]?.uppercased() ?? ""
    default: break
    }
  }

  func parser(_ parser: XMLParser, foundCharacters string: String) { text += string }

  func parser(_ parser: XMLParser, didEndElement element: String, namespaceURI: String?, qualifiedName: String?) {
    guard element == "AbstractText" else { return }
    if label == "FINDINGS" { findings = text }
    if label == "IMPRESSION" { impression = text }
  }
}
