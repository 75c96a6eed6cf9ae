import CarinaRuntime

/// What to preprocess, from where, and how.
///
/// Its settings are read and written like properties: `options.shardSize = 256`.
@dynamicMemberLookup
public struct PreprocessOptions {
  /// The file of records, or what else the layout names.
  package var records: String
  /// Its layout.
  public var format = SampleFormat.carina
  /// How annotations become samples.
  public var archive = ArchiveOptions()
  /// Directories in which images are looked up, in this order.
  public var imageRoots: [String]
  /// The shard directory to write; an earlier one in the same place is replaced when the new one is complete.
  package var output: String
  /// How images become pixels.
  public var transform: ImageTransform
  /// Where records name splits: take those of this one. Where they do not: the name of the whole.
  public var split: String?
  /// How the archive is divided; nil takes the records as they are. With a plan and without `split` every split is
  /// written, into a directory of its name below `output`.
  public var splits: SplitPlan?
  /// Numbers with a default and a range.
  public var settings = SettingValues<PreprocessSettingList>()
  /// Which share of the shards is made; the output is there once all parts are.
  public var part = ShardPart.whole
  /// Threads that decode; the writer is one more.
  public var workers = 1
  /// Asked between images; true ends the run with `CarinaError.interrupted`; the next run goes on.
  public var shouldStop: () -> Bool = { false }
  /// Told how many images are done, of how many, and how many of them were left out.
  public var progress: (_ done: Int, _ total: Int, _ rejected: Int) -> Void = { _, _, _ in }

  /// The options that have no default.
  public init(records: String, imageRoots: [String], output: String, transform: ImageTransform) {
    self.records = records
    self.imageRoots = imageRoots
    self.output = output
    self.transform = transform
  }

  /// The value of a setting.
  public subscript<Value>(dynamicMember path: KeyPath<PreprocessSettingList, Setting<Value>>) -> Value {
    get { settings[dynamicMember: path] }
    set { settings[dynamicMember: path] = newValue }
  }
}

/// What decides `transform` before there is one: a model, or numbers.
extension PreprocessOptions {
  /// The vision encoder whose image settings decide size, filter and normalisation; nil for none.
  public static let visionModel = Setting<String?>(
    SettingName.visionModel.key, nil,
    help: "The SigLIP model whose image settings decide size, filter and normalisation: a directory, or an id in the "
      + "cache.")
  /// Pixels a side; nil for the model's, or 384 without one.
  public static let imageSize = Setting<Int?>(
    SettingName.imageSize.key, nil, .optional(.within(1...4096, of: "pixels")),
    help: "Pixels a side (default: the model's, 384 without one).")
  /// The kernel of the resize; nil for the model's, or bicubic without one.
  public static let resizeFilter = Setting<ResizeFilter?>(
    SettingName.resizeFilter.key, nil,
    help:
      "Kernel of the resize: \(ResizeFilter.allCases.map(\.rawValue).joined(separator: ", ")) (default: the model's, "
      + "bicubic without one).")
}
