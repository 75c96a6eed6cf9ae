/// What to preprocess, from where, and how.
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
  /// Images a shard.
  public var shardSize = 1024
  /// Which share of the shards is made; the output is there once all parts are.
  public var part = ShardPart.whole
  /// Threads that decode; the writer is one more.
  public var workers = 1
  /// Take only so many records, from the start.
  public var limit: Int?
  /// The run stops when more than this part of the images cannot be used, 0...1.
  public var maxRejected = 0.01
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
}
