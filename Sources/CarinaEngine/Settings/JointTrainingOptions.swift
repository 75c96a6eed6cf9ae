import CarinaData
import CarinaRuntime
import CarinaText

/// What `train-stage1` and `train-stage2` are asked to do.
public struct JointTrainingOptions: Sendable {
  /// Shards to train on, and to take a validation loss on.
  public var trainShards: String, validationShards: String?
  /// Where the parts come from: paths or Hugging Face ids; a projector directory, or nil for a fresh one.
  public var visionModel: String, languageModel: String, projector: String?
  /// What a fresh projector is to be, and what one that is given must be.
  public var projectorSettings = ProjectorSettings()
  /// A joined model to go on with instead of the parts, by its directory or id; see `start(from:)`.
  public private(set) var checkpoint: String?
  /// Whether parts that stay frozen are copied into the final model instead of referred to.
  public var isStandalone = false
  /// Whether the run stops before its first step, and writes nothing.
  public var isDryRun = false
  /// Where the run goes.
  public var outputDirectory: String
  /// What is trained.
  public var policy: FreezingPolicy
  /// The run's numbers.
  public var settings = TrainingSettings()
  /// How weights are held, and what memory may be used for.
  public var computing = SettingValues<ComputingSettingList>()
  /// How texts are laid out, and the limits on their ids.
  public var prompt = PromptSettings()
  /// Which features the projector reads, and whether the first patch is left out.
  public var features = FeatureSettings()
  /// Adapters that are trained beside frozen weights.
  public var lora = SettingValues<LoraSettingList>()
  /// How weights are kept that are not trained.
  public var frozenWeights = SettingValues<FrozenWeightsSettingList>()
  /// How images are changed while training.
  public var images = SettingValues<AugmentationSettingList>()
  /// When and on what the run is validated, where there are shards for it.
  public var validation = ValidationSettings()
  /// The file in which the vision features are kept; nil computes them whenever they are wanted.
  public var featureCache: String?

  /// The run that is repeated, with whose data and weights these are compared; nil for a run of its own.
  public var repeated: RecordedRun?
  /// Whether a run is repeated with other data or weights.
  public var repeatsAnyway = false

  /// What cannot be left out.
  public init(
    trainShards: String, visionModel: String, languageModel: String, outputDirectory: String, policy: FreezingPolicy,
    promptStyle: PromptStyle
  ) {
    self.trainShards = trainShards
    self.visionModel = visionModel
    self.languageModel = languageModel
    self.outputDirectory = outputDirectory
    self.policy = policy
    prompt.style = promptStyle
  }

  /// Goes on with a joined model, with its features and, where none is set and the layout has one, its system text.
  /// - Throws: `CarinaError.usage` where other features are set than its own.
  public mutating func start(from found: CheckpointParts) throws {
    checkpoint = found.reference
    (visionModel, languageModel, projector) = (found.reference, found.reference, found.reference)
    if prompt.style == found.promptStyle { prompt.system = prompt.system ?? found.system }
    var own = FeatureSettings()
    own.feature = found.parts.feature
    own.dropsFirstPatch = found.parts.dropsFirstPatch
    guard features == own || features == FeatureSettings() else {
      throw CarinaError(
        .usage, "other vision features are asked for than the checkpoint was made with", at: found.reference,
        expected: "\(own.feature.rawValue), \(own.dropsFirstPatch ? "without" : "with") the first patch",
        found: "\(features.feature.rawValue), \(features.dropsFirstPatch ? "without" : "with") the first patch",
        remedy: "The checkpoint says which: leave the settings of features out.")
    }
    features = own
  }

  /// Freezes the components whose learning rate is set to 0.
  package mutating func freezeRestingComponents() {
    if settings.projectorRate == 0 { policy.trainsProjector = false }
    if settings.visionRate == 0 { policy.trainsVisionInFirstEpoch = false }
  }

  /// Refuses what can be seen to be wrong before anything is read.
  /// - Throws: `CarinaError.usage` that names the setting.
  public func validate() throws {
    try settings.validate()
    try prompt.validate()
    try computing.validate()
    try lora.validate()
    try requireFrozenBase()
    try requireTrainedComponents()
    try FrozenWeightsSettingList.require(frozenWeights, frozen: policy)
    try projectorSettings.validate()
    try validation.validate()
    try validation.requireShards(validationShards)
    try settings.requireSeveralMicroBatches()
    let pools = projectorSettings.form == .gemma3 ? ProjectorSettings.name(\.form) : ProjectorSettings.name(\.pool)
    if features.dropsFirstPatch, projectorSettings.form == .gemma3 || projectorSettings.pool ?? 1 > 1 {
      throw CarinaError(
        .usage, "\(setting: pools) and \(setting: FeatureSettings.name(\.dropsFirstPatch)) cannot go together",
        expected: "all patches of the grid, which are averaged", remedy: "Leave one of the two out.")
    }
    guard
      policy.trainsProjector || policy.trainsDecoder || policy.trainsVisionInFirstEpoch || lora.rank != nil
    else {
      let resting = [
        (settings.projectorRate == 0, TrainingSettings.name(\.projectorRate)),
        (settings.visionRate == 0, TrainingSettings.name(\.visionRate)),
      ].filter(\.0).map(\.1)
      if let rate = resting.first {
        throw CarinaError(
          .usage, "nothing is left to train", expected: "\(setting: rate) above 0", found: "0, which freezes the part")
      }
      throw CarinaError(
        .usage, "nothing is left to train",
        remedy: "Leave out \(setting: SettingName.unfreezeLanguageModel.off) or add \(setting: .unfreezeProjector).")
    }
    guard policy.trainsDecoder || !policy.freezesEmbeddings else {
      throw CarinaError(
        .usage,
        "\(setting: .freezeEmbeddings) and \(setting: SettingName.unfreezeLanguageModel.off) cannot go together",
        remedy: "The embeddings are a part of the language model, which is frozen anyway: leave one of the two out.")
    }
    if let path = featureCache {
      let reasons = [
        (policy.trainsVisionInFirstEpoch, SettingName.trainVisionFirstEpoch, "a frozen vision encoder"),
        (lora.adaptsVision, LoraSettingList.declared.adaptsVision.name, "a frozen vision encoder"),
        (!images.augment.isOff, SettingName.augment, "the same image in every epoch"),
      ]
      for (holds, option, expected) in reasons where holds {
        throw CarinaError(
          .usage, "\(setting: .visionFeatureCache) and \(setting: option) cannot go together", at: path,
          expected: "\(expected), whose features stay as they are", remedy: "Leave one of the two out.")
      }
    }
  }

  /// Refuses a learning rate of a component that stays frozen.
  private func requireTrainedComponents() throws {
    let list = TrainingSettingList.declared
    let rates = [
      (
        list.projectorRate.name, settings.projectorRate, policy.trainsProjector, "projector",
        SettingName.unfreezeProjector
      ),
      (
        list.visionRate.name, settings.visionRate, policy.trainsVisionInFirstEpoch, "vision encoder",
        .trainVisionFirstEpoch
      ),
    ]
    for (name, rate, isTrained, part, remedy) in rates where !isTrained && rate ?? 0 > 0 {
      throw CarinaError(
        .usage, "\(setting: name) has no effect: the \(part) is frozen", expected: "\(setting: remedy) beside it",
        found: rate.map { "\($0)" }, remedy: "Add \(setting: remedy), or leave \(setting: name) out.")
    }
  }

  /// Refuses adapters beside weights that are trained themselves.
  private func requireFrozenBase() throws {
    guard lora.rank != nil else { return }
    let list = LoraSettingList.declared
    let conflicts = [
      (policy.trainsDecoder, list.rank.name, SettingName.unfreezeLanguageModel, "a frozen language model"),
      (
        policy.trainsVisionInFirstEpoch && lora.adaptsVision, list.adaptsVision.name, .trainVisionFirstEpoch,
        "a frozen vision encoder"
      ),
      (
        policy.trainsProjector && lora.adaptsProjector, list.adaptsProjector.name, .unfreezeProjector,
        "a frozen projector"
      ),
    ]
    for (holds, adapters, whole, expected) in conflicts where holds {
      throw CarinaError(
        .usage, "\(setting: adapters) and \(setting: whole) cannot go together", expected: expected,
        remedy: "Leave one of the two out.")
    }
  }
}
