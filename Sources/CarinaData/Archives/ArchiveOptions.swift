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

  /// Whether texts that lie outside the image roots are refused.
  package var isConfined = false

  /// All labels that are certain, all views, both kinds of samples, English questions.
  public init() {}
}
