import Foundation

/// Linear warm-up, then half a cosine down to zero, counted in optimizer steps (transformers'
/// `get_cosine_schedule_with_warmup`; Loshchilov and Hutter 2017).
package struct LearningRateSchedule: Equatable, Sendable {
  /// The rate at the end of the warm-up.
  package let peak: Double
  /// Steps of the warm-up, and of the whole run.
  package let warmupSteps: Int, totalSteps: Int

  /// `warmupRatio` of the run, rounded up, is warm-up.
  package init(peak: Double, warmupRatio: Double, totalSteps: Int) {
    self.peak = peak
    self.totalSteps = totalSteps
    warmupSteps = Int(exactly: (warmupRatio * Double(totalSteps)).rounded(.up)) ?? totalSteps
  }

  /// The rate of optimizer step `step`, counted from 0; 0 beyond the end.
  package func rate(step: Int) -> Double {
    if step < warmupSteps { return peak * Double(step) / Double(max(warmupSteps, 1)) }
    let progress = Double(step - warmupSteps) / Double(max(totalSteps - warmupSteps, 1))
    return progress >= 1 ? 0 : peak * (1 + cos(.pi * progress)) / 2
  }
}
