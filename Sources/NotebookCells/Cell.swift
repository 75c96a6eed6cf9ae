/// One cell of a percent-format script.
public struct Cell: Equatable, Sendable {
  /// What a cell is made of.
  public enum Kind: Equatable, Sendable {
    /// Text, written as comments in the script.
    case markdown
    /// Swift.
    case code
  }

  /// Text or Swift.
  public var kind: Kind
  /// What stands behind the cell's marker, empty in most cells.
  public var title: String
  /// The cell's text without its marker; for markdown without the comment signs.
  public var source: String
  /// The lines of the script that belong to the cell, its marker included, counted from 1.
  public var lines: ClosedRange<Int>

  /// A cell that stands in these lines of its script.
  public init(kind: Kind, title: String = "", source: String, lines: ClosedRange<Int>) {
    self.kind = kind
    self.title = title
    self.source = source
    self.lines = lines
  }
}
