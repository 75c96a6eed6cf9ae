/// A Swift program whose comments divide it into the cells of a notebook.
///
/// A line `// %% [markdown]` begins a cell of text, whose lines are comments; a line `// %%`, with or without a title
/// behind it, begins a cell of Swift. What stands before the first marker is a cell of Swift, unless it is blank. The
/// compiler sees nothing of this.
public struct PercentScript: Equatable, Sendable {
  /// A script that cannot be divided.
  public struct Failure: Error, Equatable, CustomStringConvertible {
    /// The line concerned, counted from 1.
    public let line: Int
    /// What is wrong with it.
    public let reason: String
    /// `line 12: …`.
    public var description: String { "line \(line): \(reason)" }
  }

  /// The cells in their order.
  public let cells: [Cell]

  /// Divides a program.
  /// - Throws: `Failure` when a cell of text has a line of code, which would run and yet not be seen.
  public init(_ text: String) throws {
    var cells: [Cell] = []
    var open = OpenCell(kind: .code, title: "", firstLine: 1, isMarked: false)
    // Over bytes, because Swift takes the line end of Windows for one character.
    let lines = text.utf8.split(separator: 10, omittingEmptySubsequences: false).map {
      String(decoding: $0.last == 13 ? $0.dropLast() : $0, as: UTF8.self)
    }
    for (index, line) in lines.enumerated() {
      guard let marker = Self.marker(line) else {
        try open.add(line, number: index + 1)
        continue
      }
      cells += open.closed(before: index + 1)
      open = OpenCell(kind: marker.kind, title: marker.title, firstLine: index + 1, isMarked: true)
    }
    cells += open.closed(before: lines.count + 1)
    self.cells = cells
  }

  /// The index in `cells` of the cell that a line of the program belongs to.
  public func cell(atLine line: Int) -> Int? { cells.firstIndex { $0.lines.contains(line) } }

  private static func marker(_ line: String) -> (kind: Cell.Kind, title: String)? {
    guard line.hasPrefix("// %%") else { return nil }
    let rest = line.dropFirst(5)
    guard rest.isEmpty || rest.first == " " else { return nil }
    let title = rest.drop { $0 == " " }
    guard title.hasPrefix("[markdown]") else { return (.code, String(title)) }
    return (.markdown, String(title.dropFirst("[markdown]".count).drop { $0 == " " }))
  }
}

/// A cell whose end is not yet known.
private struct OpenCell {
  let kind: Cell.Kind
  let title: String
  let firstLine: Int
  let isMarked: Bool
  var lines: [String] = []

  init(kind: Cell.Kind, title: String, firstLine: Int, isMarked: Bool) {
    self.kind = kind
    self.title = title
    self.firstLine = firstLine
    self.isMarked = isMarked
  }

  mutating func add(_ line: String, number: Int) throws {
    guard kind == .markdown else { return lines.append(line) }
    if line.hasPrefix("// ") {
      lines.append(String(line.dropFirst(3)))
    } else if line == "//" || line.allSatisfy({ $0 == " " || $0 == "\t" }) {
      lines.append("")
    } else {
      throw PercentScript.Failure(
        line: number, reason: "code in a cell of text; begin a cell of code with `// %%` first")
    }
  }

  /// The cell, or nothing if it is the blank beginning of a script.
  func closed(before end: Int) -> [Cell] {
    var body = lines[...]
    while let first = body.first, first.allSatisfy(\.isWhitespace) { body.removeFirst() }
    while let last = body.last, last.allSatisfy(\.isWhitespace) { body.removeLast() }
    if !isMarked, body.isEmpty { return [] }
    return [
      Cell(kind: kind, title: title, source: body.joined(separator: "\n"), lines: firstLine...max(firstLine, end - 1))
    ]
  }
}
