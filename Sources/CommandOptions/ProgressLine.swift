import Carina
import Foundation

/// A line on stderr with done, total, rate and time left: rewritten in place on a terminal, a plain line every ten
/// seconds elsewhere.
public final class ProgressLine {
  private let label: String
  private let unit: String
  private let total: Int?
  private let onTerminal: Bool
  private let started = ProcessInfo.processInfo.systemUptime
  private let firstCount: Int
  private var lastShown: Double
  private var lineIsOpen = false

  /// - Parameters:
  ///   - label: what is being done, first word of the line.
  ///   - unit: what is counted, plural ("images").
  ///   - total: how many there will be; nil when unknown.
  ///   - start: how many a resumed run had done before; they are no measure of today's speed.
  public init(_ label: String, unit: String, total: Int?, startingAt start: Int = 0) {
    firstCount = start
    self.label = label
    self.unit = unit
    self.total = total
    onTerminal = isatty(2) == 1
    lastShown = started
  }

  /// Tells how many are done, with an optional note ("3 rejected"). Cheap to call for every item.
  public func update(_ done: Int, note: String = "") {
    let now = ProcessInfo.processInfo.systemUptime
    guard now - lastShown >= (onTerminal ? 0.2 : 10) else { return }
    lastShown = now
    show(done, note: note, now: now)
  }

  /// Shows the last state and ends the line.
  public func finish(_ done: Int, note: String = "") {
    show(done, note: note, now: ProcessInfo.processInfo.systemUptime)
    if lineIsOpen { writeToStandardError("\n") }
    lineIsOpen = false
  }

  private func show(_ done: Int, note: String, now: Double) {
    let seconds = max(now - started, 1e-9)
    let rate = Double(done - firstCount) / seconds
    var text = "\(label): \(done)"
    if let total { text += "/\(total)" }
    text += " \(unit), \(ProgressLine.rateText(rate))/s"
    if let total, rate > 0, done < total {
      text += ", \(ProgressLine.durationText(Double(total - done) / rate)) left"
    } else {
      text += ", \(ProgressLine.durationText(seconds))"
    }
    if !note.isEmpty { text += ", \(note)" }
    text = DisplayedText.of(text)
    if onTerminal {
      writeToStandardError("\r\u{1b}[K" + text)
      lineIsOpen = true
    } else {
      writeToStandardError(text + "\n")
    }
  }

  private static func rateText(_ rate: Double) -> String {
    String(format: rate < 10 ? "%.2f" : rate < 100 ? "%.1f" : "%.0f", rate)
  }

  /// `42 s`, `3 min 10 s`, `2 h 5 min`.
  public static func durationText(_ seconds: Double) -> String {
    if seconds < 10 { return String(format: "%.1f s", max(0, seconds)) }
    let whole = Int(min(seconds.rounded(), 1e9))
    if whole < 60 { return "\(whole) s" }
    if whole < 3600 { return "\(whole / 60) min \(whole % 60) s" }
    return "\(whole / 3600) h \(whole % 3600 / 60) min"
  }
}
