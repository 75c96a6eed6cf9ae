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
  func resolve(_ label: String) -> LabelState? {
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

/// Which images of a study are taken.
public enum ViewPolicy: String, CaseIterable, Sendable {
  /// All.
  case all
  /// Those known to be frontal (PA or AP); images whose view is unknown are left out.
  case frontal
  /// Those known to be lateral.
  case lateral
  /// One of each study: PA before AP before unknown before lateral, ties by the least image id. Images that name no study
  /// are all taken.
  case best
}

/// Which samples labels and reports become.
public enum SampleKinds: String, CaseIterable, Sendable {
  /// An image with a caption or report: stage 1.
  case captions
  /// Questions with answers: stage 2.
  case questions
  /// Both.
  case all
}

/// What becomes of a report's words that were removed to hide a person (`XXXX`, `___`).
public enum DeidentifiedPolicy: String, CaseIterable, Sendable {
  /// The sentences that hold one are left out.
  case drop
  /// The text stays as it is.
  case keep
}

/// How an archive's annotations become samples; layouts without a say in a point ignore it.
public struct ArchiveOptions: Sendable {
  /// What an uncertain label counts as.
  public var uncertain = UncertainPolicy.ignore
  /// Which images of a study are taken.
  public var views = ViewPolicy.all
  /// Which samples are made.
  public var kinds = SampleKinds.all
  /// What becomes of removed words.
  public var deidentified = DeidentifiedPolicy.drop
  /// The language of questions where the source has several (`en`, `zh`); empty takes all.
  public var language = "en"
  /// Take only chest radiographs where the source has other images too.
  public var chestOnly = false
  /// A file of wordings for labels; nil takes the one that comes with the engine.
  public var templates: String?

  /// The defaults.
  public init() {}
}
