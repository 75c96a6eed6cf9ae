import ArgumentParser
import Carina

/// The options that stages 1 and 2 share.
public struct TrainingArguments: ParsableArguments {
  /// Shards to train on.
  @Option(name: .long, help: ArgumentHelp("Shard directory to train on.", valueName: "dir"))
  public var trainShards: String
  /// Shards for the validation loss.
  @Option(name: .long, help: ArgumentHelp("Held-out shard directory; the best model is kept.", valueName: "dir"))
  public var valShards: String?
  /// The vision encoder.
  @Option(name: .long, help: ArgumentHelp("SigLIP checkpoint: a directory, or an id in the Hugging Face cache."))
  public var visionModel: String
  /// The decoder.
  @Option(
    name: [.long, .customLong("llm-name"), .customLong("llm-path")],
    help: ArgumentHelp("Gemma 3 checkpoint: a directory, or an id in the Hugging Face cache."))
  public var llm: String
  /// The run's directory.
  @Option(name: .long, help: ArgumentHelp("Directory of the run.", valueName: "dir"))
  public var outputDir: String
  /// How weights are changed.
  @OptionGroup public var optimization: SettingOptions<TrainingOffers.Optimization>
  /// Precision and library of matrix products.
  @OptionGroup public var precision: PrecisionOptions
  /// Seed and order of the samples.
  @OptionGroup public var order: SettingOptions<TrainingOffers.Order>
  /// Resuming.
  @Option(name: .long, help: "auto goes on from the newest checkpoint, never starts afresh, or a checkpoint directory.")
  public var resume = "auto"
  /// When checkpoints are written.
  @OptionGroup public var checkpoints: SettingOptions<TrainingOffers.Checkpoints>
  /// What every training program has.
  @OptionGroup public var common: SettingOptions<TrainingOffers.Common>
  /// Layout of texts, and the limits on their ids.
  @OptionGroup public var prompt: SettingOptions<WholeOffer<PromptSettingList>>
  /// Features.
  @OptionGroup public var features: SettingOptions<WholeOffer<FeatureSettingList>>
  /// Augmentation.
  @Option(
    name: .long,
    help: ArgumentHelp(
      "Change training images, e.g. shift:0.05,scale:0.1,contrast:0.2,elastic:0.02. Never flipped, never in validation.",
      valueName: "changes"))
  public var augment = "none"
  /// Checkpointing.
  @Flag(
    inversion: .prefixedNo,
    help: "Run blocks again in the backward pass instead of keeping their activations (default: where they do not fit)."
  )
  public var gradientCheckpointing: Bool?
  /// Limit on memory.
  @Option(
    name: .long, help: ArgumentHelp("Most memory to plan for (default: what is available).", valueName: "GiB"))
  public var memoryLimit: Double?

  /// Kept features.
  @OptionGroup public var featureCache: FeatureCacheOptions

  /// The defaults.
  public init() {}

  /// The engine's options.
  /// - Parameter settings: a stage's own numbers, among them the defaults of those that are given here.
  /// - Throws: `CarinaError.usage`.
  public func options(
    policy: FreezingPolicy, style: PromptStyle, settings: TrainingSettings
  ) throws -> JointTrainingOptions {
    var options = JointTrainingOptions(
      trainShards: trainShards, visionModel: visionModel, languageModel: llm, outputDirectory: outputDir,
      policy: policy, promptStyle: style)
    options.validationShards = valShards
    options.settings = settings
    optimization.apply(to: &options.settings)
    order.apply(to: &options.settings)
    checkpoints.apply(to: &options.settings)
    common.apply(to: &options.settings)
    prompt.apply(to: &options.prompt)
    features.apply(to: &options.features)
    options.precision = try precision.computingPrecision()
    options.gradientCheckpointing = gradientCheckpointing
    options.memoryLimit = try memoryLimit.map { limit in
      guard limit > 0, limit < 1e6 else {
        throw CarinaError(.usage, "--memory-limit cannot be used", expected: "GiB, above 0", found: "\(limit)")
      }
      return Int(limit * 0x1p30)
    }
    let changes = try ImageAugmentation(text: augment)
    options.augmentation = changes.isOff ? nil : changes
    options.featureCache = featureCache.path(besideShards: trainShards)
    options.resume = ResumePolicy(resume)
    return options
  }
}

extension PromptStyle: @retroactive ExpressibleByArgument {}
extension VisionFeature: @retroactive ExpressibleByArgument {}

extension TimeSpan: @retroactive ExpressibleByArgument {
  /// Takes any text; the engine refuses one that is not understood, and says what to write.
  public init?(argument: String) { self.init(argument) }
  /// What the user would write.
  public var defaultValueDescription: String { text }
}
