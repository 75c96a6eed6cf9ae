/// The sentences of captions. Each is a predicate on the scene: it stands in the caption of every image of which it
/// is true, word for word, and in no other.
///
/// So whoever has only captions can tell which sentences describe an image: cut the captions at each full stop
/// (no sentence has one inside); the sentences of an image are its positives, and every other sentence of the
/// collection is false of it. The order of the sentences varies, the sentences do not.
package enum PhantomStatement {
  /// The projection.
  package static func view(_ scene: PhantomScene) -> String {
    switch scene.view {
    case .ap: "Portable AP radiograph of the chest."
    case .pa: "Upright PA radiograph of the chest in full inspiration."
    }
  }

  /// The heart's size.
  package static func heart(_ findings: PhantomFindings) -> String {
    findings.cardiomegaly ? "The heart is enlarged." : "The heart is normal in size."
  }

  /// Consolidation and its zone.
  package static func consolidation(_ findings: PhantomFindings) -> String {
    guard let zone = findings.consolidation else { return "There is no focal consolidation." }
    switch zone.height {
    case .upper: return "Dense consolidation occupies the \(zone.name)."
    case .mid: return "There is an area of consolidation in the \(zone.name)."
    case .lower: return "Consolidation is present in the \(zone.name), above the diaphragm."
    }
  }

  /// The nodule and its zone.
  package static func nodule(_ findings: PhantomFindings) -> String {
    guard let zone = findings.nodule else { return "No pulmonary nodule is seen." }
    switch zone.height {
    case .upper: return "A round nodule projects over the \(zone.name)."
    case .mid: return "There is a solitary nodule in the \(zone.name)."
    case .lower: return "A well-defined nodule lies in the \(zone.name)."
    }
  }

  /// Pleural fluid, its side and amount.
  package static func effusion(_ findings: PhantomFindings) -> String {
    guard let effusion = findings.effusion else { return "No pleural effusion." }
    let side = effusion.side.rawValue
    switch effusion.amount {
    case .small: return "A small \(side) pleural effusion blunts the costophrenic angle."
    case .moderate: return "There is a moderate \(side) pleural effusion."
    case .large: return "A large \(side) pleural effusion fills most of the hemithorax."
    }
  }

  /// Pleural air and its side.
  package static func pneumothorax(_ findings: PhantomFindings) -> String {
    guard let side = findings.pneumothorax else { return "No pneumothorax." }
    return "There is a \(side.rawValue) pneumothorax with a visible pleural line."
  }

  /// The device, with its side where it has one.
  package static func device(_ findings: PhantomFindings) -> String {
    switch findings.device {
    case nil: "No support device is present."
    case .endotrachealTube: "An endotracheal tube ends above the carina."
    case .gastricTube: "A gastric tube passes below the diaphragm into the stomach."
    case .centralLine(let side): "A \(side.rawValue) central line ends in the superior vena cava."
    case .pacemaker(let side): "A pacemaker lies over the \(side.rawValue) upper chest, its lead in the heart."
    }
  }

  /// All that is abnormal, by name.
  package static func impression(_ findings: PhantomFindings) -> String {
    let names = findings.abnormalities
    guard let last = names.last else { return "Impression: no acute cardiopulmonary abnormality." }
    let before = names.dropLast().joined(separator: ", ")
    return "Impression: \(before.isEmpty ? last : "\(before) and \(last)")."
  }
}
