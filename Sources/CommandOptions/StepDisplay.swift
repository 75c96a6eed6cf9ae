import Carina
import Foundation

/// A progress line of training steps with the recent loss.
public final class StepDisplay {
  private let label: String
  private var line: ProgressLine?
  private var last: StepReport?
  private var recentLoss = 0.0
  private var validationNote = ""

  /// A display that starts with the first step.
  public init(_ label: String) { self.label = label }

  /// Shows a step.
  public func show(_ report: StepReport, total: Int) {
    if report.loss.isFinite {
      recentLoss = last == nil ? report.loss : 0.95 * recentLoss + 0.05 * report.loss
      last = report
    }
    if let loss = report.validationLoss { validationNote = String(format: ", held-out loss %.4f", loss) }
    let line = self.line ?? ProgressLine(label, unit: "steps", total: total, startingAt: report.step - 1)
    self.line = line
    line.update(
      report.step,
      note: String(format: "loss %.4f, rate %.2e, gradient %.2f", recentLoss, report.learningRate, report.gradientNorm)
        + validationNote)
  }

  /// Ends the line.
  public func finish() {
    guard let last else { return }
    line?.finish(last.step, note: String(format: "loss %.4f", recentLoss) + validationNote)
  }
}
