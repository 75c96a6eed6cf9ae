import CarinaRuntime

/// How a run ended.
public enum TrainingOutcome: Equatable, Sendable {
  /// All steps are done and the final model is written.
  case finished(steps: Int)
  /// The final model was there already, made with the same configuration.
  case alreadyFinished
}
