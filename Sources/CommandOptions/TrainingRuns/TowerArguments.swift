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
  /// Whether the model is fetched.
  @OptionGroup public var download: DownloadOptions
  /// Shards for loss and retrieval.
  @Option(
    name: .long,
    help: ArgumentHelp("Held-out shard directory, for loss and retrieval; the best model is kept.", valueName: "dir"))
  public var valShards: String?
  /// When the run is validated, and when it ends early.
  @OptionGroup public var validation: SettingOptions<GivenOffer<TowerOffers.Validation>>
  /// What is trained, on which texts, in which pieces.
  @OptionGroup public var tower: SettingOptions<GivenOffer<WholeOffer<TowerSettingList>>>
  /// The run's numbers.
  @OptionGroup public var training: SettingOptions<GivenOffer<TowerOffers.Training>>
  /// What a run can be repeated from, and how it is looked at.
  @OptionGroup public var repetition: RepetitionArguments
  /// Augmentation.
  @OptionGroup public var images: SettingOptions<GivenOffer<WholeOffer<AugmentationSettingList>>>
  /// Precision and library of matrix products.
  @OptionGroup public var precision: PrecisionOptions
  /// Checkpointing and the limit on memory.
  @OptionGroup public var memory: SettingOptions<GivenOffer<SectionOffers.Memory>>

  /// The defaults.
  public init() {}

  /// Writes what the command line gave into a run's options.
  /// - Throws: `CarinaError.usage` for a notation that cannot be read; what reading a record throws.
  public func apply(to options: inout TowerTrainingOptions) throws {
    options.validationShards = valShards
    options.isDryRun = repetition.dryRun
    try validation.apply(to: &options.validation)
    try tower.apply(to: &options.settings)
    try training.apply(to: &options.training)
    try images.apply(to: &options.images)
    try precision.apply(to: &options.computing)
    try memory.apply(to: &options.computing)
    options.repeated = try repetition.record
    options.repeatsAnyway = repetition.configAnyway
  }

  /// Refuses options of the tuning in a command without a model to tune.
  /// - Throws: `CarinaError.usage` naming the first of them.
  public func requireNone() throws {
    let device = ComputingSettingList.declared.device.name
    var names = [valShards == nil ? nil : "val-shards", download.download ? "download" : nil].compactMap { $0 }
    names += repetition.givenNames
    names +=
      try
      (tower.givenNames + training.givenNames + validation.givenNames + images.givenNames
      + precision.settings.givenNames.filter { $0 != device } + memory.givenNames).map(\.optionName)
    guard let first = names.first else { return }
    throw CarinaError(
      .usage, "--\(first) is for the tuning of a SigLIP, and no model is named", expected: "--vision-model with it",
      remedy:
        "Fresh backbones have --vision-batch-size, --vision-epochs, --vision-learning-rate and the like of --language-."
    )
  }
}
