import CarinaRuntime
import Foundation

/// The few pieces of HTML that the page is made of.
enum HTML {
  /// A text with the characters that mean something to HTML replaced, and written out what HTML may not hold or what
  /// would turn the text around it.
  static func escaped(_ text: String) -> String {
    var result = ""
    result.reserveCapacity(text.utf8.count)
    for scalar in DisplayedText.of(text, keepingLines: true).unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// A whole document that loads nothing from elsewhere.
  /// - Parameter seconds: after how long a browser reads it again; nil for never.
  static func document(title: String, body: String, refreshingEvery seconds: Int? = nil) -> String {
    let refresh = seconds.map { "<meta http-equiv=\"refresh\" content=\"\($0)\">\n" } ?? ""
    return """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="color-scheme" content="light dark">
      \(refresh)<title>\(escaped(title))</title>
      <style>
      \(ReportStyle.css)
      </style>
      </head>
      <body>
      <main>
      \(body)</main>
      <footer>Carina \(CarinaVersion.current)</footer>
      </body>
      </html>

      """
  }

  /// A section with a heading; nothing when there is no content.
  static func section(_ title: String, id: String, _ content: String) -> String {
    guard !content.isEmpty else { return "" }
    return "<section id=\"\(id)\">\n<h2>\(escaped(title))</h2>\n\(content)</section>\n"
  }

  /// A table whose first column names its rows; `numbers` are the columns pushed to the right.
  static func table(_ headings: [String], _ rows: [[String]], numbers: Set<Int> = [], classes: [String] = []) -> String
  {
    func side(_ column: Int) -> String { numbers.contains(column) ? " class=\"number\"" : "" }
    let head = headings.enumerated().map { "<th scope=\"col\"\(side($0.offset))>\(escaped($0.element))</th>" }
    let body = rows.enumerated().map { index, row in
      let cells = row.enumerated().map { column, cell in
        column == 0 ? "<th scope=\"row\">\(escaped(cell))</th>" : "<td\(side(column))>\(escaped(cell))</td>"
      }
      let mark = index < classes.count && !classes[index].isEmpty ? " class=\"\(classes[index])\"" : ""
      return "<tr\(mark)>\(cells.joined())</tr>"
    }
    return "<div class=\"scroll\"><table>\n<thead><tr>\(head.joined())</tr></thead>\n<tbody>\n"
      + body.joined(separator: "\n") + "\n</tbody></table></div>\n"
  }

  /// Names and values.
  static func facts(_ facts: [ReportPage.Fact]) -> String {
    guard !facts.isEmpty else { return "" }
    let entries = facts.map { "<div><dt>\(escaped($0.name))</dt><dd>\(escaped($0.value))</dd></div>" }
    return "<dl class=\"facts\">\n\(entries.joined(separator: "\n"))\n</dl>\n"
  }

  /// Content behind a line that opens it.
  static func folded(_ summary: String, _ content: String) -> String {
    "<details><summary>\(escaped(summary))</summary>\n\(content)</details>\n"
  }
}
