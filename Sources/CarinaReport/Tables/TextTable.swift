import CarinaRuntime

/// A table for the terminal: columns as wide as their widest cell, a rule under the heading, two spaces between
/// columns.
///
/// ```swift
/// print(TextTable(["metric", "value"], alignments: [.left, .right], rows: [["token-f1", "0.812"]]).text)
/// ```
public struct TextTable: Equatable, Sendable {
  /// To which side a column's cells are pushed.
  public enum Alignment: Sendable {
    /// Texts.
    case left
    /// Numbers.
    case right
  }

  /// The heading of each column.
  package var headings: [String]
  /// The side of each column; missing ones are `left`.
  package var alignments: [Alignment]
  /// The rows; missing cells are empty.
  public var rows: [[String]]

  /// A table under these headings; rows may be added later.
  public init(_ headings: [String], alignments: [Alignment] = [], rows: [[String]] = []) {
    self.headings = headings
    self.alignments = alignments
    self.rows = rows
  }

  /// The table as lines, each ended by a line feed and without trailing spaces.
  ///
  /// What would act on a terminal is written out.
  public var text: String {
    let headings = headings.map { DisplayedText.of($0) }
    let rows = rows.map { $0.map { DisplayedText.of($0) } }
    let widths = headings.indices.map { column in
      ([headings] + rows).map { column < $0.count ? Self.width($0[column]) : 0 }.max() ?? 0
    }
    func line(_ cells: [String]) -> String {
      var line = ""
      for (column, width) in widths.enumerated() {
        let cell = column < cells.count ? cells[column] : ""
        let padding = String(repeating: " ", count: width - Self.width(cell))
        let isRight = column < alignments.count && alignments[column] == .right
        line += (column == 0 ? "" : "  ") + (isRight ? padding + cell : cell + padding)
      }
      while line.last == " " { line.removeLast() }
      return line + "\n"
    }
    return line(headings) + line(widths.map { String(repeating: "─", count: $0) }) + rows.map(line).joined()
  }

  /// How many columns of a terminal a text takes: marks that combine with a letter take none, East Asian ones two.
  private static func width(_ text: String) -> Int {
    text.reduce(0) { sum, character in
      guard let scalar = character.unicodeScalars.first else { return sum }
      switch scalar.value {
      case 0x1100...0x115F, 0x2E80...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60,
        0x1F300...0x1FAFF:
        return sum + 2
      default: return sum + 1
      }
    }
  }
}
