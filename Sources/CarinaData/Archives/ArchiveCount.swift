/// A number counted in an archive, with the number that its publication gives.
public struct ArchiveCount: Equatable, Sendable, CustomStringConvertible {
  /// What was counted.
  public let name: String
  /// How many were found.
  package let found: Int
  /// How many the publication names; nil when it names none.
  package let published: Int?

  package init(_ name: String, _ found: Int, published: Int? = nil) {
    self.name = name
    self.found = found
    self.published = published
  }

  /// `images 7 (published 9: 2 fewer)`.
  public var description: String {
    guard let published else { return "\(name) \(found)" }
    let difference = found - published
    let words = difference == 0 ? "the same" : difference < 0 ? "\(-difference) fewer" : "\(difference) more"
    return "\(name) \(found) (published \(published): \(words))"
  }
}
