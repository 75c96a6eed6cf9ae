import CarinaRuntime
import CarinaTensor

/// What a run is to train, as it was before the first step: a run that leaves every weight as it was fails with the
/// cause.
struct TrainedWeightsCheck {
  private let before: ParameterDigest
  private var largestNorm = 0.0

  /// Remembers the weights, before a checkpoint is read into them.
  init(_ trained: [Parameter]) { before = ParameterDigest(trained) }

  /// Refuses a schedule in which every step has the learning rate 0, before anything is done.
  /// - Throws: `CarinaError.usage` that says what makes it so.
  static func requireRate(of schedule: LearningRateSchedule) throws {
    // The rate is highest there; a search over the steps would not end for a run of any number of epochs.
    guard schedule.rate(step: min(schedule.warmupSteps, schedule.totalSteps - 1)) <= 0 else { return }
    let rate = TrainingSettings.name(\.learningRate), warmup = TrainingSettings.name(\.warmupRatio)
    guard schedule.peak > 0 else {
      throw CarinaError(
        .usage, "the learning rate is 0, and weights that are to be trained would not change",
        expected: "\(setting: rate) above 0", found: "\(schedule.peak)")
    }
    throw CarinaError(
      .usage,
      "the warm-up is no shorter than the run: every step would have the learning rate 0, and no weight would change",
      expected: "more steps than those of the warm-up",
      found: "\(schedule.totalSteps), of which \(schedule.warmupSteps) are warm-up",
      remedy: "Lower \(setting: warmup), or let the run take more steps.")
  }

  /// Takes note of a step.
  mutating func note(_ report: StepReport) {
    if report.skipCause == nil { largestNorm = max(largestNorm, report.gradientNorm) }
  }

  /// Refuses a run that changed none of its weights as the forward pass reads them and as they are written.
  /// - Parameters:
  ///   - trained: the weights that were remembered.
  ///   - tookSteps: false where a resumed run had nothing left to do, and saw no gradient.
  /// - Throws: `CarinaError.badData` that says why.
  func requireChanged(_ trained: [Parameter], peak: Double, tookSteps: Bool) throws {
    guard ParameterDigest(trained).changes(since: before).isEmpty else { return }
    let isAdapted = trained.contains { $0.name.hasSuffix(".lora_B.weight") }
    let rate = isAdapted ? LoraSettingList.declared.learningRate.name : TrainingSettings.name(\.learningRate)
    guard largestNorm > 0 || !tookSteps else {
      throw CarinaError(
        .badData, "the run trained nothing: every gradient was 0",
        found: "\(trained.count) weights, none of them changed",
        remedy: "Check that the samples have answers and that what is trained lies between them and the loss.")
    }
    let type = trained.contains { $0.value.elementType == .bfloat16 } ? "bfloat16" : "float32"
    throw CarinaError(
      .badData, "the run trained nothing: its changes are smaller than what \(type) can hold beside the weights",
      expected: "at least one weight changed", found: "a learning rate of at most \(peak)",
      remedy: "Raise \(setting: rate).")
  }
}
