/// One of the six zones in which a lung finding can lie.
package struct PhantomZone: Codable, Hashable, Sendable {
  /// A third of a lung field, counted from the apex.
  package enum Height: String, Codable, CaseIterable, Sendable {
    /// The apical third.
    case upper
    /// The middle third.
    case mid
    /// The basal third.
    case lower
  }

  /// The lung.
  package var side: PhantomSide
  /// The third of it.
  package var height: PhantomZone.Height

  package init(_ side: PhantomSide, _ height: PhantomZone.Height) {
    self.side = side
    self.height = height
  }

  /// All six, the right lung first.
  package static let all = PhantomSide.allCases.flatMap { side in
    PhantomZone.Height.allCases.map { PhantomZone(side, $0) }
  }

  /// As answers and captions say it: `right lower zone`.
  package var name: String { "\(side.rawValue) \(height.rawValue) zone" }
}
