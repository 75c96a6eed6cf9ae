import CarinaRuntime

/// What to preprocess, from where, and how.
///
/// Its settings are read and written like properties: `options.shardSize = 256`.
@dynamicMemberLookup
public struct PreprocessOptions {
  /// The file of records, or what else the layout names.
  package var records: String
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
  /// Layout of the records, numbers of the shards and of the work.
  public var settings = SettingValues<PreprocessSettingList>()
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
