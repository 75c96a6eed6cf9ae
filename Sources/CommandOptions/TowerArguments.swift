import ArgumentParser
import Carina

/// What `train-stage0` takes for tuning a pretrained SigLIP. Without `--vision-model` none of it may be there.
public struct TowerArguments: ParsableArguments {
  /// The model to tune.
  @Option(
    name: .long,
    help: ArgumentHelp(
      "Tune this SigLIP, both towers with their tokenizer, instead of making backbones: a directory, or an id in the Hugging Face cache. The options from here to the memory limit are for it."
    ))
  public var visionModel: String?
  /// Shards for loss and retrieval.
  @Option(
    name: .long,
    help: ArgumentHelp("Held-out shard directory, for loss and retrieval; the best model is kept.", valueName: "dir"))
  public var valShards: String?
  /// What is trained, on which texts, in which pieces.
  @OptionGroup public var tower: SettingOptions<WholeOffer<TowerSettingList>>
  /// Images of a batch.
  @Option(
    optional: TrainingSettingList.declared.batchSize.worded(
      "Images of a batch, whose texts are compared with all of them (default: 16)."))
  public var batchSize: Int?
  /// Batches of a step.
  @Option(
    optional: TrainingSettingList.declared.gradientAccumulationSteps.worded(
      "Batches of an optimizer step, each compared within itself (default: 1)."))
  public var gradientAccumulationSteps: Int?
  /// The rate.
  @Option(optional: TrainingSettingList.declared.learningRate.worded("Peak learning rate (default: 1e-5)."))
  public var learningRate: Double?
  /// Passes.
  @Option(optional: TrainingSettingList.declared.epochCount.worded("Passes over the images (default: 5)."))
  public var numEpochs: Int?
  /// Decay.
  @Option(
    optional: TrainingSettingList.declared.weightDecay.worded(
      "Decay of weights other than norms and biases (default: 0.01)."))
  public var weightDecay: Double?
  /// Warm-up as a part.
  @Option(
    optional: TrainingSettingList.declared.warmupRatio.worded(
      "Part of the optimizer steps that is warm-up (default: 0.1)."))
  public var warmupRatio: Double?
  /// Warm-up in steps.
  @Option(TrainingSettingList.declared.warmupSteps) public var warmupSteps: Int?
  /// The rate afterwards.
  @Option(
    optional: TrainingSettingList.declared.rateShape.worded(
      "The rate after the warm-up: cosine or linear to zero, or constant (default: cosine)."))
  public var lrSchedule: LearningRateShape?
  /// Steps that may be skipped.
  @Option(
    optional: TrainingSettingList.declared.maximumSkippedSteps.worded(
      "Steps in a row that may be skipped because a loss or gradient is not finite, before the run stops (default: 5).")
  )
  public var maxSkippedSteps: Int?
  /// A limit in steps.
  @Option(TrainingSettingList.declared.maximumSteps) public var maxSteps: Int?
  /// The largest norm.
  @Option(
    optional: TrainingSettingList.declared.maximumGradientNorm.worded(
      "Largest global norm of the gradients; 0 for no limit (default: 1)."))
  public var maxGradNorm: Double?
  /// Whether the order stays.
  @Flag(TrainingSettingList.declared.isShuffled) public var noShuffle: Bool
  /// Whether short batches are left out.
  @Flag(TrainingSettingList.declared.dropsLast) public var dropLast: Bool
  /// Checkpoints by epochs.
  @Option(TrainingSettingList.declared.saveEveryEpochs) public var saveEveryNEpochs: Int?
  /// Whether the run ends before its first step.
  @Flag(name: .long, help: "Say what the run would do, and stop before its first step; nothing is written.")
  public var dryRun = false
  /// Augmentation.
  @OptionGroup public var images: SettingOptions<WholeOffer<AugmentationSettingList>>
  /// Precision and library of matrix products.
  @OptionGroup public var precision: PrecisionOptions
  /// Checkpointing and the limit on memory.
  @OptionGroup public var memory: SettingOptions<SectionOffers.Memory>

  /// The defaults.
  public init() {}

  /// Writes what the command line gave into a run's options.
  /// - Throws: `CarinaError.usage` for a notation that cannot be read.
  public func apply(to options: inout TowerTrainingOptions) throws {
    options.validationShards = valShards
    options.isDryRun = dryRun
    try tower.apply(to: &options.settings)
    try images.apply(to: &options.images)
    try precision.settings.apply(to: &options.computing)
    try memory.apply(to: &options.computing)
    func set<Value>(_ value: Value?, _ path: WritableKeyPath<TrainingSettings, Value>) {
      if let value { options.training[keyPath: path] = value }
    }
    set(batchSize, \.batchSize)
    set(gradientAccumulationSteps, \.gradientAccumulationSteps)
    set(learningRate, \.learningRate)
    set(numEpochs, \.epochCount)
    set(weightDecay, \.weightDecay)
    set(warmupRatio, \.warmupRatio)
    set(lrSchedule, \.rateShape)
    set(maxSkippedSteps, \.maximumSkippedSteps)
    set(maxGradNorm, \.maximumGradientNorm)
    options.training.warmupSteps = warmupSteps
    options.training.maximumSteps = maxSteps
    options.training.isShuffled = !noShuffle
    options.training.dropsLast = dropLast
    options.training.saveEveryEpochs = saveEveryNEpochs
  }

  /// Refuses options of the tuning in a command without a model to tune.
  /// - Throws: `CarinaError.usage` naming the first of them.
  public func requireNone() throws {
    let list = TrainingSettingList.declared
    let training: [(isThere: Bool, name: SettingName)] = [
      (batchSize != nil, list.batchSize.name), (learningRate != nil, list.learningRate.name),
      (gradientAccumulationSteps != nil, list.gradientAccumulationSteps.name),
      (numEpochs != nil, list.epochCount.name), (weightDecay != nil, list.weightDecay.name),
      (warmupRatio != nil, list.warmupRatio.name), (warmupSteps != nil, list.warmupSteps.name),
      (lrSchedule != nil, list.rateShape.name), (maxSkippedSteps != nil, list.maximumSkippedSteps.name),
      (maxSteps != nil, list.maximumSteps.name), (maxGradNorm != nil, list.maximumGradientNorm.name),
      (dropLast, list.dropsLast.name), (saveEveryNEpochs != nil, list.saveEveryEpochs.name),
    ]
    var names = training.filter(\.isThere).map { $0.name.optionName }
    if noShuffle { names.append("no-" + list.isShuffled.name.optionName) }
    if valShards != nil { names.append("val-shards") }
    if dryRun { names.append("dry-run") }
    names += try tower.changed + images.changed + precision.settings.changed + memory.changed
    guard let first = names.first else { return }
    throw CarinaError(
      .usage, "--\(first) is for the tuning of a SigLIP, and no model is named", expected: "--vision-model with it",
      remedy:
        "Fresh backbones have --vision-batch-size, --vision-epochs, --vision-learning-rate and the like of --language-."
    )
  }
}

extension SettingOptions {
  /// Names of the options that have another value than where the command line says nothing.
  /// - Throws: as `values`.
  public var changed: [String] {
    get throws {
      let plain = headerLines(Offer.defaults.texts)
      return try zip(plain, headerLines(values.texts)).filter { $0.value != $1.value }.map { $0.0.name }
    }
  }
}
