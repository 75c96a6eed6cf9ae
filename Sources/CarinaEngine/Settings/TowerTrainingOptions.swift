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
    try computing.validate()
    try images.validate()
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
