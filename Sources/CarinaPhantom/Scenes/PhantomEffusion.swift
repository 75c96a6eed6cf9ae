/// Fluid in one pleural space.
package struct PhantomEffusion: Codable, Hashable, Sendable {
  /// How much fluid there is; the three are apart, nothing lies between them.
  package enum Amount: String, Codable, CaseIterable, Sendable {
    /// The costophrenic angle is filled.
    case small
    /// The lower third or more is white.
    case moderate
    /// Little air is left at the apex.
    case large
  }

  /// Where.
  package var side: PhantomSide
  /// How much.
  package var amount: PhantomEffusion.Amount

  package init(_ side: PhantomSide, _ amount: PhantomEffusion.Amount) {
    self.side = side
    self.amount = amount
  }
}
