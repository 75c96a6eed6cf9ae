/// The patient's side. The patient's left is on the right of the image.
package enum PhantomSide: String, Codable, CaseIterable, Sendable {
  /// The patient's right: the left half of the image.
  case right
  /// The patient's left: the right half of the image.
  case left

  /// The direction away from the midline in image coordinates: −1 for the patient's right, +1 for the left.
  var direction: Float { self == .right ? -1 : 1 }

  /// The other side.
  package var opposite: PhantomSide { self == .right ? .left : .right }
}

/// A third of a lung field, counted from the apex.
package enum PhantomHeight: String, Codable, CaseIterable, Sendable {
  /// The apical third.
  case upper
  /// The middle third.
  case mid
  /// The basal third.
  case lower
}

/// One of the six places in which a lung finding can lie.
package struct PhantomZone: Codable, Hashable, Sendable {
  /// The lung.
  package var side: PhantomSide
  /// The third of it.
  package var height: PhantomHeight

  /// A zone of a lung.
  package init(_ side: PhantomSide, _ height: PhantomHeight) {
    self.side = side
    self.height = height
  }

  /// All six, the right lung first.
  package static let all = PhantomSide.allCases.flatMap { side in
    PhantomHeight.allCases.map { PhantomZone(side, $0) }
  }

  /// As answers and captions say it: `right lower zone`.
  package var name: String { "\(side.rawValue) \(height.rawValue) zone" }
}

/// How much fluid there is; the three are apart, nothing lies between them.
package enum PhantomAmount: String, Codable, CaseIterable, Sendable {
  /// The costophrenic angle is filled.
  case small
  /// The lower third or more is white.
  case moderate
  /// Little air is left at the apex.
  case large
}

/// Fluid in one pleural space.
package struct PhantomEffusion: Codable, Hashable, Sendable {
  /// Where.
  package var side: PhantomSide
  /// How much.
  package var amount: PhantomAmount

  /// Fluid on a side.
  package init(_ side: PhantomSide, _ amount: PhantomAmount) {
    self.side = side
    self.amount = amount
  }
}

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

/// What there is to report: each finding with its place and size.
package struct PhantomFindings: Codable, Hashable, Sendable {
  /// Whether the heart is enlarged.
  package var cardiomegaly = false
  /// Pleural fluid.
  package var effusion: PhantomEffusion?
  /// The side on which air is between lung and chest wall.
  package var pneumothorax: PhantomSide?
  /// The zone that is consolidated.
  package var consolidation: PhantomZone?
  /// The zone in which a nodule lies.
  package var nodule: PhantomZone?
  /// The device.
  package var device: PhantomDevice?

  /// Nothing found and no device.
  package init() {}

  /// The names of what is found, in the order of an impression; a device is no abnormality.
  package var abnormalities: [String] {
    var names: [String] = []
    if cardiomegaly { names.append("cardiomegaly") }
    if consolidation != nil { names.append("consolidation") }
    if nodule != nil { names.append("pulmonary nodule") }
    if effusion != nil { names.append("pleural effusion") }
    if pneumothorax != nil { names.append("pneumothorax") }
    return names
  }
}
