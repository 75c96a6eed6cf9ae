import Foundation

/// Something that a cell put out when it ran.
public enum CellOutput: Equatable, Sendable {
  /// Printed text.
  case text(String)
  /// Something shown: the same content in several media types.
  case display([String: String])
  /// The end of the program by an error.
  case error(name: String, message: String)

  /// A picture.
  public static func image(_ png: Data) -> CellOutput {
    .display(["image/png": png.base64EncodedString(), "text/plain": "<image/png, \(png.count) bytes>"])
  }

  /// A table: the first row is the heading. As HTML and, for viewers without, as aligned text.
  public static func table(_ rows: [[String]]) -> CellOutput {
    let columns = rows.map(\.count).max() ?? 0
    let widths = (0..<columns).map { column in rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0 }
    let plain = rows.map { row in
      row.enumerated()
        .map { $0.element + String(repeating: " ", count: widths[$0.offset] - $0.element.count) }
        .joined(separator: "  ")
    }
    let html = rows.enumerated().map { index, row in
      let tag = index == 0 ? "th" : "td"
      return "<tr>" + row.map { "<\(tag)>\(escaped($0))</\(tag)>" }.joined() + "</tr>"
    }
    return .display([
      "text/html": "<table>" + html.joined(separator: "\n") + "</table>", "text/plain": plain.joined(separator: "\n"),
    ])
  }

  private static func escaped(_ text: String) -> String {
    text.reduce(into: "") { result, character in
      switch character {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      default: result.append(character)
      }
    }
  }
}
