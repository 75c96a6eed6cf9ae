import ArgumentParser
import Carina

/// The options that stages 1 and 2 share.
public struct TrainingArguments<Backbones: BackboneArguments>: ParsableArguments {
  /// Shards to train on.
  @Option(name: .long, help: ArgumentHelp("Shard directory to train on.", valueName: "dir"))
  public var trainShards: String
  /// Shards for the validation loss.
  @Option(name: .long, help: ArgumentHelp("Held-out shard directory; the best model is kept.", valueName: "dir"))
  public var valShards: String?
  /// When and on what the run is validated.
  @OptionGroup public var validation: SettingOptions<WholeOffer<ValidationSettingList>>
  /// What the run begins with.
  @OptionGroup public var backbones: Backbones
  /// Whether models are fetched.
  @OptionGroup public var download: DownloadOptions
  /// The run's directory.
  @Option(name: .long, help: ArgumentHelp("Directory of the run.", valueName: "dir"))
  public var outputDir: String
  /// Whether frozen parts are copied.
  @Flag(name: .long, help: "Copy the parts that stay frozen into the final model instead of referring to them.")
  public var standalone = false
  /// From what the run is repeated, and how it is looked at.
  @OptionGroup public var repetition: RepetitionArguments
  /// Samples to show as ids.
  @Option(
    name: .long,
    help: ArgumentHelp(
      "Print the first samples as the model reads them: positions, ids, pieces, * where one is predicted.",
      valueName: "n"))
  public var dumpTokens: Int?
  /// How weights are changed.
  @OptionGroup public var optimization: SettingOptions<TrainingOffers.Optimization>
  /// Precision and library of matrix products.
  @OptionGroup public var precision: PrecisionOptions
  /// How weights are kept that are not trained.
  @OptionGroup public var frozenWeights: SettingOptions<WholeOffer<FrozenWeightsSettingList>>
  /// Seed and order of the samples, and whether the run goes on from a checkpoint.
  @OptionGroup public var order: SettingOptions<TrainingOffers.Order>
  /// When checkpoints are written.
  @OptionGroup public var checkpoints: SettingOptions<TrainingOffers.Checkpoints>
  /// What every training program has.
  @OptionGroup public var common: SettingOptions<TrainingOffers.Common>
  /// Layout of texts, and the limits on their ids.
  @OptionGroup public var prompt: SettingOptions<WholeOffer<PromptSettingList>>
  /// Features.
  @OptionGroup public var features: SettingOptions<WholeOffer<FeatureSettingList>>
  /// Augmentation.
  @OptionGroup public var images: SettingOptions<WholeOffer<AugmentationSettingList>>
  /// Checkpointing and the limit on memory.
  @OptionGroup public var memory: SettingOptions<SectionOffers.Memory>

  /// Kept features.
  @OptionGroup public var featureCache: FeatureCacheOptions

  /// The defaults.
  public init() {}

  /// What of the frozen weights asks for products of bytes.
  private var rounded: [String] {
    get throws {
      let list = FrozenWeightsSettingList.declared, values = try frozenWeights.values
      return [(list.base, values.base), (list.vision, values.vision)].filter { $0.1 == .int8 }
        .map { "--\($0.0.name.optionName) int8" }
    }
  }

  /// Where the run computes.
  /// - Throws: as `PrecisionOptions.device`.
  public func device() throws -> Device { try precision.device(rounded: rounded) }

  /// The engine's options.
  /// - Parameter settings: a stage's own numbers, among them the defaults of those that are given here.
  /// - Throws: `CarinaError.usage`.
  public func options(
    policy: FreezingPolicy, style: PromptStyle, settings: TrainingSettings
  ) throws -> JointTrainingOptions {
    if let dumpTokens, dumpTokens < 1 {
      throw CarinaError(
        .usage, "--dump-tokens cannot be used", expected: "a number of samples, at least 1", found: "\(dumpTokens)")
    }
    let parts = try backbones.parts, checkpoint = try backbones.checkpoint.map { try CheckpointParts($0) }
    var options = JointTrainingOptions(
      trainShards: trainShards, visionModel: parts?.vision ?? "", languageModel: parts?.language ?? "",
      outputDirectory: outputDir, policy: policy, promptStyle: checkpoint?.promptStyle ?? style)
    options.isStandalone = standalone
    options.isDryRun = repetition.dryRun
    options.validationShards = valShards
    options.validation = try validation.values
    options.settings = settings
    try optimization.apply(to: &options.settings)
    try order.apply(to: &options.settings)
    try checkpoints.apply(to: &options.settings)
    try common.apply(to: &options.settings)
    try prompt.apply(to: &options.prompt)
    try features.apply(to: &options.features)
    try precision.apply(to: &options.computing, rounded: rounded)
    try memory.apply(to: &options.computing)
    try frozenWeights.apply(to: &options.frozenWeights)
    try images.apply(to: &options.images)
    if let checkpoint { try options.start(from: checkpoint) }
    options.featureCache = featureCache.path(besideShards: trainShards)
    options.repeated = try repetition.record
    options.repeatsAnyway = repetition.configAnyway
    return options
  }
}
