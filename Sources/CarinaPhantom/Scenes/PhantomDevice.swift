/// A support device; an image shows at most one.
package enum PhantomDevice: Codable, Hashable, Sendable {
  /// A tube in the trachea that ends above the carina.
  case endotrachealTube
  /// A tube along the oesophagus that ends in the stomach.
  case gastricTube
  /// A catheter from the subclavian vein of a side to the superior vena cava.
  case centralLine(PhantomSide)
  /// A generator in front of the upper chest of a side, with a lead to the heart.
  case pacemaker(PhantomSide)

  /// As answers say it, without the side.
  package var name: String {
    switch self {
    case .endotrachealTube: "endotracheal tube"
    case .gastricTube: "gastric tube"
    case .centralLine: "central line"
    case .pacemaker: "pacemaker"
    }
  }
}
