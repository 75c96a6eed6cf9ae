import Foundation

/// Linear warm-up, then a shape down to zero or a constant rate, counted in optimizer steps (transformers'
/// `get_cosine_schedule_with_warmup`, after Loshchilov and Hutter 2017, `get_linear_schedule_with_warmup` and
/// `get_constant_schedule_with_warmup`).
package struct LearningRateSchedule: Equatable, Sendable {
  /// The rate at the end of the warm-up.
  package let peak: Double
  /// Steps of the warm-up, and of the whole run.
  package let warmupSteps: Int, totalSteps: Int
  /// What follows the warm-up.
  package let shape: LearningRateShape

  /// `warmupRatio` of the run, rounded up, is warm-up, unless `warmupSteps` says how many steps are.
  package init(
    peak: Double, warmupRatio: Double, warmupSteps: Int? = nil, shape: LearningRateShape = .cosine, totalSteps: Int
  ) {
    self.peak = peak
    self.totalSteps = totalSteps
    self.shape = shape
    self.warmupSteps = warmupSteps ?? Int(exactly: (warmupRatio * Double(totalSteps)).rounded(.up)) ?? totalSteps
  }

  /// The schedule that a run's settings describe.
  /// - Parameter peak: instead of theirs.
  package init(_ settings: TrainingSettings, _ order: EpochOrder, peak: Double? = nil) {
    self.init(
      peak: peak ?? settings.learningRate, warmupRatio: settings.warmupRatio, warmupSteps: settings.warmupSteps,
      shape: settings.rateShape,
      totalSteps: order.stepCount(epochs: settings.epochCount, limit: settings.maximumSteps))
  }

  /// How a run goes, in words: its optimizer steps, how many an epoch has, those of the warm-up, and what follows.
  static func summary(_ settings: TrainingSettings, _ order: EpochOrder) -> String {
    let schedule = LearningRateSchedule(settings, order)
    return "\(schedule.totalSteps), \(order.stepsPerEpoch) an epoch; \(schedule.warmupSteps) of warm-up, then "
      + settings.rateShape.text
  }

  /// The same shape below another rate.
  func with(peak: Double) -> LearningRateSchedule {
    LearningRateSchedule(
      peak: peak, warmupRatio: 0, warmupSteps: warmupSteps, shape: shape, totalSteps: totalSteps)
  }

  /// The rate of optimizer step `step`, counted from 0; 0 beyond the end.
  package func rate(step: Int) -> Double {
    if step < warmupSteps { return peak * Double(step) / Double(max(warmupSteps, 1)) }
    let progress = Double(step - warmupSteps) / Double(max(totalSteps - warmupSteps, 1))
    guard progress < 1 else { return 0 }
    return switch shape {
    case .cosine: peak * (1 + cos(.pi * progress)) / 2
    case .linear: peak * (1 - progress)
    case .constant: peak
    }
  }
}
