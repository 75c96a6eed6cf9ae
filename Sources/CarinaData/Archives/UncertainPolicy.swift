/// What a label that its source calls uncertain counts as.
public enum UncertainPolicy: String, CaseIterable, Sendable {
  /// Nothing is said and nothing asked about it.
  case ignore
  /// It is present.
  case positive
  /// It is absent.
  case negative
  /// As most work on CheXpert has it: present for atelectasis, edema and pleural effusion, absent for cardiomegaly and
  /// consolidation, ignored for the others.
  case usual

  /// What an uncertain label counts as under this policy.
  func resolve(_ label: String) -> LabelledImage.State? {
    switch self {
    case .ignore: nil
    case .positive: .present
    case .negative: .absent
    case .usual:
      switch label.lowercased() {
      case "atelectasis", "edema", "pleural effusion", "effusion": .present
      case "cardiomegaly", "consolidation": .absent
      default: nil
      }
    }
  }
}
