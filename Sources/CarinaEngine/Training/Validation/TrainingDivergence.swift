import CarinaRuntime

/// A loss on held-out samples that is no number.
enum TrainingDivergence {
  /// The error for it.
  /// - Parameter arm: with which images.
  static func error(_ loss: Double, after step: Int, on arm: EvaluatorArm) -> CarinaError {
    let images = arm == .trueImage ? "" : " with \(arm.rawValue) images"
    return CarinaError(
      .badData, "training diverged: after step \(step) the loss on the held-out samples\(images) is not finite",
      found: "loss \(loss)",
      remedy: "Lower \(setting: TrainingSettings.name(\.learningRate)), or resume from an earlier checkpoint.")
  }
}
