import Carina
import Foundation

/// A progress line of training: epoch, step, loss, tokens a second, time spent waiting for data, memory, time left.
///
/// On a terminal it is rewritten in place; elsewhere a line comes every so many steps, or every ten seconds.
public final class StepDisplay {
  private let label: String
  private let epochs: Int?
  private let every: Int?
  private let status = StatusLine()
  private let now: () -> Double
  private var started: (time: Double, step: Int)?
  private var lastShown = 0.0
  private var last: (report: StepReport, total: Int)?
  private var recentLoss: Double?
  private var since = (tokens: 0, seconds: 0.0, waiting: 0.0)
  private var validationNote = ""

  /// A display that starts with the first step.
  /// - Parameters:
  ///   - epochs: how many the run has; nil where nobody says.
  ///   - every: how many steps lie between lines where there is no terminal; nil for a line every ten seconds.
  public init(_ label: String, epochs: Int? = nil, every: Int? = nil) {
    self.label = label
    self.epochs = epochs
    self.every = every
    now = { ProcessInfo.processInfo.systemUptime }
  }

  /// Shows a step.
  public func show(_ report: StepReport, total: Int) {
    let now = now()
    if started == nil {
      started = (now - report.seconds, report.step - 1)
      lastShown = now - report.seconds
    }
    if report.loss.isFinite { recentLoss = recentLoss.map { 0.95 * $0 + 0.05 * report.loss } ?? report.loss }
    if let loss = report.validationLoss { validationNote = String(format: ", held-out loss %.4f", loss) }
    since = (
      since.tokens + report.supervisedTokens, since.seconds + report.seconds,
      since.waiting + report.dataWaitMilliseconds / 1000
    )
    last = (report, total)
    let isDue =
      if status.isOnTerminal {
        now - lastShown >= 0.2
      } else if let every {
        report.step % every == 0
      } else {
        now - lastShown >= 10
      }
    guard isDue else { return }
    status.show(text(report, total: total, now: now))
    lastShown = now
    since = (0, 0, 0)
  }

  /// Shows a validation in a line that stays.
  public func show(_ report: ValidationReport) {
    var parts = [String(format: "held-out loss %.4f", report.loss)]
    if let gap = report.imageGap { parts.append(String(format: "%+.4f with a shuffled image", gap)) }
    parts.append(String(format: "%+.4f with a blank one", report.blankLoss - report.loss))
    if let accuracy = report.closedAccuracy {
      parts.append(String(format: "%.1f%% of \(report.closedCount) closed questions right", 100 * accuracy))
    }
    status.end()
    writeToStandardError("\(label): after step \(report.step): \(parts.joined(separator: ", "))\n")
    validationNote = String(format: ", held-out loss %.4f", report.loss)
  }

  /// Ends the line.
  public func finish() {
    guard let last, let started else { return }
    let seconds = now() - started.time
    var text = "\(label): step \(last.report.step)/\(last.total), \(ProgressLine.durationText(seconds))"
    if let recentLoss { text += String(format: ", loss %.4f", recentLoss) }
    status.show(text + validationNote)
    status.end()
  }

  private func text(_ report: StepReport, total: Int, now: Double) -> String {
    let epoch = "\(report.epoch + 1)" + (epochs.map { "/\($0)" } ?? "")
    var parts = ["epoch \(epoch)", "step \(report.step)/\(total)"]
    parts.append(recentLoss.map { String(format: "loss %.4f", $0) } ?? "no finite loss")
    parts[parts.count - 1] += validationNote
    let seconds = max(since.seconds, 1e-9)
    parts.append(String(format: "%.0f supervised tokens/s", Double(since.tokens) / seconds))
    parts.append(String(format: "data wait %.1f%%", min(100, 100 * since.waiting / seconds)))
    parts.append(MemoryForecast.residentText)
    if let started, report.step > started.step, report.step < total {
      let perStep = (now - started.time) / Double(report.step - started.step)
      parts.append("\(ProgressLine.durationText(perStep * Double(total - report.step))) left")
    }
    return "\(label): " + parts.joined(separator: ", ")
  }
}
