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
  /// Weight decay.
  @Option(name: .long, help: "Decay of weights other than norms and biases.")
  public var weightDecay = 0.01
  /// Warm-up.
  @Option(name: .long, help: "Part of the optimizer steps that is warm-up (default: 0 in stage 1, 0.05 in stage 2).")
  public var warmupRatio: Double?
  /// Limit in steps.
  @Option(name: .long, help: "Stop after so many optimizer steps.")
  public var maxSteps: Int?
  /// Clipping.
  @Option(name: .long, help: "Largest global norm of the gradients; 0 for no limit.")
  public var maxGradNorm = 1.0
  /// Precision and library of matrix products.
  @OptionGroup public var precision: PrecisionOptions
  /// Seed.
  @Option(name: .long, help: "Seed of the order of samples and of fresh weights.")
  public var seed: UInt64 = 0
  /// Order.
  @Flag(name: .long, help: "Take the samples in the order of the shards.")
  public var noShuffle = false
  /// Resuming.
  @Option(name: .long, help: "auto goes on from the newest checkpoint, never starts afresh, or a checkpoint directory.")
  public var resume = "auto"
  /// Checkpoints by step.
  @Option(name: .customLong("save-every-n-steps"), help: "Write a checkpoint every so many optimizer steps.")
  public var saveEverySteps: Int?
  /// Checkpoints by epoch.
  @Option(name: .customLong("save-every-n-epochs"), help: "Write a checkpoint every so many epochs.")
  public var saveEveryEpochs: Int?
  /// Layout of texts.
  @Option(name: .long, help: "gemma, plain or seed (default: plain in stage 1, gemma in stage 2).")
  public var promptStyle: PromptStyle?
  /// Limit on questions.
  @Option(name: .customLong("max-q-len"), help: "Most ids of a question.")
  public var maximumQuestion = 128
  /// Limit on answers.
  @Option(name: .customLong("max-a-len"), help: "Most ids of an answer.")
  public var maximumAnswer = 512
  /// Features.
  @Option(name: .long, help: "post-norm or pre-norm features of the vision encoder.")
  public var visionFeature = VisionFeature.postNorm
  /// First patch.
  @Flag(name: .long, help: "Leave out the first patch, as checkpoints of the Python project expect.")
  public var dropFirstPatch = false
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
  @OptionGroup public var features: FeatureCacheOptions

  /// The defaults.
  public init() {}

  /// The engine's options, with the numbers that differ between the stages.
  /// - Throws: `CarinaError.usage`.
  public func options(
    policy: FreezingPolicy, style: PromptStyle, batchSize: Int, accumulation: Int, learningRate: Double,
    epochs: Int, warmupRatio: Double
  ) throws -> JointTrainingOptions {
    var options = JointTrainingOptions(
      trainShards: trainShards, visionModel: visionModel, languageModel: llm, outputDirectory: outputDir,
      policy: policy, promptStyle: promptStyle ?? style)
    options.validationShards = valShards
    options.settings.batchSize = batchSize
    options.settings.gradientAccumulationSteps = accumulation
    options.settings.learningRate = learningRate
    options.settings.epochCount = epochs
    options.settings.warmupRatio = self.warmupRatio ?? warmupRatio
    options.settings.weightDecay = weightDecay
    options.settings.maximumSteps = maxSteps
    options.settings.maximumGradientNorm = maxGradNorm
    options.settings.seed = seed
    options.settings.isShuffled = !noShuffle
    options.settings.saveEverySteps = saveEverySteps
    options.settings.saveEveryEpochs = saveEveryEpochs
    options.precision = try precision.computingPrecision()
    options.maximumQuestionTokens = maximumQuestion
    options.maximumAnswerTokens = maximumAnswer
    options.feature = visionFeature
    options.dropsFirstPatch = dropFirstPatch
    options.gradientCheckpointing = gradientCheckpointing
    options.memoryLimit = try memoryLimit.map { limit in
      guard limit > 0, limit < 1e6 else {
        throw CarinaError(.usage, "--memory-limit cannot be used", expected: "GiB, above 0", found: "\(limit)")
      }
      return Int(limit * 0x1p30)
    }
    let changes = try ImageAugmentation(text: augment)
    options.augmentation = changes.isOff ? nil : changes
    options.featureCache = features.path(besideShards: trainShards)
    options.resume = ResumePolicy(resume)
    return options
  }
}

extension PromptStyle: @retroactive ExpressibleByArgument {}
extension VisionFeature: @retroactive ExpressibleByArgument {}
