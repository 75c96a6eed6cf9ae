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
    let data = try TextFile.bytes(path, limit: .report)
    guard isDecodable(data) else {
      throw CarinaError(
        .badData, "is not valid UTF-8, and says no other encoding", at: path, remedy: "Fetch it again.")
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

  /// Whether the bytes are UTF-8, or the document names another encoding. The parser of some platforms ends the process
  /// at a name that is not UTF-8.
  private static func isDecodable(_ data: Data) -> Bool {
    if String(validating: data, as: UTF8.self) != nil { return true }
    let start = String(decoding: data.prefix(200), as: UTF8.self).lowercased()
    guard let declaration = start.range(of: "encoding=") else { return false }
    return !start[declaration.upperBound...].dropFirst().hasPrefix("utf-8")
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
