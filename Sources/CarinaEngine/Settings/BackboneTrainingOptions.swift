import CarinaRuntime

/// What `train-stage0` is asked to do: the two backbones that a user of the default pipeline does not bring.
///
/// Its settings are read and written like properties: `options.patchSize = 16`.
@dynamicMemberLookup
public struct BackboneTrainingOptions: Sendable {
  /// Shards with captions, and any number with questions whose text the language model learns as well.
  package var captionShards: String, textShards: [String]
  /// Where both runs go: `vision/` and `language/` below it.
  public var outputDirectory: String
  /// Shapes, and the numbers in which the two runs differ.
  public var settings = SettingValues<BackboneSettingList>()
  /// The numbers of both runs.
  public var training = TrainingSettings()

  /// What cannot be left out.
  public init(captionShards: String, textShards: [String], outputDirectory: String) {
    self.captionShards = captionShards
    self.textShards = textShards
    self.outputDirectory = outputDirectory
    training.warmupRatio = 0.05
  }

  /// The value of a setting.
  public subscript<Value>(dynamicMember path: KeyPath<BackboneSettingList, Setting<Value>>) -> Value {
    get { settings[dynamicMember: path] }
    set { settings[dynamicMember: path] = newValue }
  }

  /// The numbers of the vision run.
  var vision: TrainingSettings {
    run(batchSize: settings.visionBatchSize, epochs: settings.visionEpochs, rate: settings.visionLearningRate)
  }

  /// The numbers of the language run.
  var language: TrainingSettings {
    run(batchSize: settings.languageBatchSize, epochs: settings.languageEpochs, rate: settings.languageLearningRate)
  }

  private func run(batchSize: Int, epochs: Int, rate: Double) -> TrainingSettings {
    var numbers = training
    numbers.batchSize = batchSize
    numbers.epochCount = epochs
    numbers.learningRate = rate
    numbers.seed = settings.seed
    return numbers
  }
}
