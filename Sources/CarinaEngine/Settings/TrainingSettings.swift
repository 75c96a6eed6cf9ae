import CarinaRuntime

/// The numbers of a training run that every stage has: `settings.batchSize = 4`.
public typealias TrainingSettings = SettingValues<TrainingSettingList>

extension SettingValues<TrainingSettingList> {
  /// What stage 1 uses where nobody says anything.
  public static var stage1: TrainingSettings {
    var settings = TrainingSettings()
    settings.batchSize = 4
    settings.gradientAccumulationSteps = 2
    settings.learningRate = 1e-4
    settings.epochCount = 10
    settings.warmupRatio = 0
    return settings
  }

  /// What stage 2 uses where nobody says anything.
  public static var stage2: TrainingSettings {
    var settings = TrainingSettings()
    settings.batchSize = 1
    settings.gradientAccumulationSteps = 8
    settings.learningRate = 2e-5
    settings.epochCount = 5
    settings.warmupRatio = 0.05
    return settings
  }

  /// Refuses the gradient's noise where a step has nothing to compare it with.
  /// - Throws: `CarinaError.usage`.
  package func requireSeveralMicroBatches() throws {
    guard self.measuresGradientNoise, self.gradientAccumulationSteps < 2 else { return }
    throw CarinaError(
      .usage, "\(setting: TrainingSettings.name(\.measuresGradientNoise)) compares a step with its first micro-batch",
      expected: "\(setting: TrainingSettings.name(\.gradientAccumulationSteps)) of at least 2",
      found: "\(self.gradientAccumulationSteps)",
      remedy: "Divide the step into smaller micro-batches, or leave the option out.")
  }
}
