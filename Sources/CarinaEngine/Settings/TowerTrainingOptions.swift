import CarinaData
import CarinaRuntime

/// What `train-stage0` is asked to do with a pretrained SigLIP.
public struct TowerTrainingOptions: Sendable {
  /// Shards with captions to train on, and to take loss and retrieval on.
  public var trainShards: String, validationShards: String?
  /// The model with both towers: a directory or an id.
  public var visionModel: String
  /// Where the run goes.
  public var outputDirectory: String
  /// Whether the run stops before its first step, and writes nothing.
  public var isDryRun = false
  /// What is trained, on which texts, in which pieces.
  public var settings = SettingValues<TowerSettingList>()
  /// The run's numbers.
  public var training = TrainingSettings.tower
  /// How weights are held, and what memory may be used for.
  public var computing = SettingValues<ComputingSettingList>()
  /// How images are changed while training.
  public var images = SettingValues<AugmentationSettingList>()
  /// When loss and retrieval are taken, and when the run ends for want of a smaller loss.
  public var validation = ValidationSettings()
  /// The run that is repeated, with whose data and weights these are compared; nil for a run of its own.
  public var repeated: RecordedRun?
  /// Whether a run is repeated with other data or weights.
  public var repeatsAnyway = false

  /// What cannot be left out.
  public init(trainShards: String, visionModel: String, outputDirectory: String) {
    self.trainShards = trainShards
    self.visionModel = visionModel
    self.outputDirectory = outputDirectory
  }

  /// Refuses what can be seen to be wrong before anything is read.
  /// - Throws: `CarinaError.usage` that names the setting.
  public func validate() throws {
    try settings.validate()
    try training.validate()
    try training.requireSeveralMicroBatches()
    try computing.validate()
    try images.validate()
    try requireOwnSettings()
    try validation.validate()
    try validation.requireShards(validationShards)
  }

  /// Settings of stages 1 and 2 for what there is not in this one, with the reason for which they are refused.
  private static var foreign: [(name: SettingName, reason: String)] {
    let list = TrainingSettingList.declared, checks = ValidationSettingList.declared
    let scores = "its loss and retrieval are taken on all held-out images, and it gives no answers"
    return [
      (list.projectorRate.name, "there is no projector"),
      (list.visionRate.name, "all that is trained has one rate, \(setting: list.learningRate.name)"),
      (list.labelSmoothing.name, "a text describes an image or does not; no token is predicted"),
      (list.bucketsByLength.name, "all texts are brought to one length"),
      (checks.evalSamples.name, scores), (checks.evalLimit.name, scores), (checks.evalMaxNewTokens.name, scores),
      (checks.bestMetric.name, "the best model is that of the smallest loss on held-out images"),
    ]
  }

  /// Settings of training and validation that do not apply, and are refused.
  public static var foreignSettings: Set<SettingName> { Set(foreign.map(\.name)) }

  /// Refuses settings of other stages.
  private func requireOwnSettings() throws {
    let changed = Set(training.changedNames + validation.changedNames)
    for (name, reason) in Self.foreign where changed.contains(name) {
      throw CarinaError(
        .usage, "\(setting: name) does not apply to the tuning of a SigLIP: \(reason)",
        remedy: "Leave \(setting: name) out.")
    }
  }
}

extension SettingValues<TrainingSettingList> {
  /// What the tuning of a SigLIP uses where nobody says anything: the numbers of ProjectionTrainer's script.
  public static var tower: TrainingSettings {
    var settings = TrainingSettings()
    settings.batchSize = 16
    settings.gradientAccumulationSteps = 1
    settings.learningRate = 1e-5
    settings.epochCount = 5
    settings.warmupRatio = 0.1
    return settings
  }
}
