import CarinaRuntime

/// What the settings of an archive are; layouts without a say in a point ignore it.
public struct ArchiveSettingList: SettingList {
  /// The declarations.
  public static let declared = ArchiveSettingList()

  /// What an uncertain label counts as.
  public let uncertain = Setting(
    "uncertain", UncertainPolicy.ignore,
    help: "Uncertain labels: ignore, positive, negative, or usual (CheXpert's usual mixture).")
  /// Which images of a study are taken.
  public let views = Setting(
    "views", ViewPolicy.all,
    help:
      "Images of a study: all, frontal, lateral, best (one, PA first, ties by id) or all-in-one (all in each sample).")
  /// Which samples are made.
  public let kinds = Setting(
    "samples", SampleKinds.all, help: "Samples from labels and reports: captions, questions or all.")
  /// What becomes of removed words.
  public let deidentified = Setting(
    "deidentified", DeidentifiedPolicy.drop, help: "Sentences with removed words (XXXX, ___): drop or keep.")
  /// The language of questions where the source has several, in any case of letters; `all` takes all.
  public let language = Setting(
    "language", "en", help: "Language of the questions where there are several: en, zh, or all.")
  /// Take only chest radiographs where the source has other images too.
  public let chestOnly = Setting("chest_only", false, help: "Take chest radiographs only (vqa-rad, slake).")
  /// A file of wordings for labels; nil takes the one that comes with the engine.
  public let templates = Setting<String?>(
    "templates", nil, help: "A file of wordings for labels instead of the built-in one.")
}

extension UncertainPolicy: SettingValue {}
extension ViewPolicy: SettingValue {}
extension SampleKinds: SettingValue {}
extension DeidentifiedPolicy: SettingValue {}
