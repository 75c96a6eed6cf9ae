import CarinaEngine
import CarinaRuntime
import Foundation

/// `live.html` in the directory of a run: its progress, curves and newest answers, in one file that loads nothing from
/// elsewhere and that a browser reads again every few seconds while the run goes.
///
/// The program that trains tells it steps and validations; the engine knows nothing of it. It is written beside and
/// renamed, so a browser never reads half of it.
public final class LivePage {
  /// How a run stands.
  public enum State: Equatable, Sendable {
    /// It goes on.
    case running
    /// Its final model is written.
    case finished
    /// It was asked to stop, and can be gone on with.
    case stopped(String)
    /// It ended with an error.
    case failed(String)
  }

  /// The page's name in a run's directory.
  public static let fileName = "live.html"
  /// How many seconds lie between two states of the page, at least.
  public static let interval = 10.0

  private let directory: String, title: String
  private let facts: [ReportPage.Fact]
  private let epochs: Int
  private let pictures: (Int) throws -> [Data]
  private let onRemark: (String) -> Void
  private let gnuplot: Gnuplot
  private let clock: () -> Double, secondsSince1970: () -> Int
  private var curves: RunCurves?
  private var answers: [ValidationAnswer] = []
  private var images: [Int: [Data]] = [:]
  private var last: (report: StepReport, total: Int)?
  private var began: (time: Double, step: Int)?
  private var lastWritten: Double?
  private var hasFailed = false

  /// A page that begins with the first step.
  /// - Parameters:
  ///   - directory: the run's.
  ///   - title: the heading, such as the program's name.
  ///   - facts: what stands in the head besides the progress.
  ///   - epochs: how many the run has.
  ///   - pictures: the images of a held-out sample, each a PNG file.
  ///   - onRemark: told once where the page cannot be written; training goes on.
  public convenience init(
    directory: String, title: String, facts: [ReportPage.Fact], epochs: Int,
    pictures: @escaping (Int) throws -> [Data], onRemark: @escaping (String) -> Void
  ) {
    self.init(
      directory: directory, title: title, facts: facts, epochs: epochs, pictures: pictures, onRemark: onRemark,
      gnuplot: Gnuplot(), clock: { ProcessInfo.processInfo.systemUptime }, secondsSince1970: { time(nil) })
  }

  /// The same with another program that draws, another clock, and another time of day.
  package init(
    directory: String, title: String, facts: [ReportPage.Fact], epochs: Int,
    pictures: @escaping (Int) throws -> [Data], onRemark: @escaping (String) -> Void, gnuplot: Gnuplot,
    clock: @escaping () -> Double, secondsSince1970: @escaping () -> Int
  ) {
    self.directory = directory
    self.title = title
    self.facts = facts
    self.epochs = epochs
    self.pictures = pictures
    self.onRemark = onRemark
    self.gnuplot = gnuplot
    self.clock = clock
    self.secondsSince1970 = secondsSince1970
  }

  /// Takes note of a step; its line stands in the log already.
  public func show(_ report: StepReport, total: Int) {
    attempt {
      if curves == nil {
        curves = try RunCurves.read(directory: directory, name: title)
        answers = try newest(ValidationAnswersFile.read(directory: directory))
      } else {
        curves?.add(report.line)
      }
      if began == nil { began = (clock() - report.seconds, report.step - 1) }
      last = (report, total)
      if lastWritten.map({ clock() - $0 >= Self.interval }) ?? true { try write(.running) }
    }
  }

  /// Takes note of a validation.
  public func show(_ report: ValidationReport) {
    attempt {
      guard curves != nil else { return }
      curves?.add(report.json)
      answers = report.answers
      try write(.running)
    }
  }

  /// Writes the page for the last time.
  public func end(_ state: State) {
    attempt {
      if curves == nil, FileManager.default.fileExists(atPath: "\(directory)/\(TrainingLog.fileName)") {
        curves = try RunCurves.read(directory: directory, name: title)
        answers = try newest(ValidationAnswersFile.read(directory: directory))
      }
      // A run that was refused before its first step has no page.
      if curves != nil { try write(state) }
    }
  }

  private func newest(_ all: [ValidationAnswer]) -> [ValidationAnswer] {
    all.filter { $0.step == all.last?.step }
  }

  private func attempt(_ body: () throws -> Void) {
    do {
      try body()
    } catch {
      if !hasFailed { onRemark("\(Self.fileName) cannot be written; training goes on without it: \(error)") }
      hasFailed = true
    }
  }

  private func write(_ state: State) throws {
    lastWritten = clock()
    try AtomicFile.write(try html(state), to: "\(directory)/\(Self.fileName)")
  }

  private func html(_ state: State) throws -> String {
    for answer in answers where images[answer.sample] == nil { images[answer.sample] = try pictures(answer.sample) }
    let examples = answers.compactMap { answer -> ReportPage.Example? in
      guard let found = images[answer.sample], let first = found.first else { return nil }
      var example = ReportPage.Example(
        id: answer.id, image: first, question: answer.question, reference: answer.reference, answer: answer.answer,
        isRight: answer.isRight)
      example.furtherImages = Array(found.dropFirst())
      return example
    }
    let figures = (curves?.drawings ?? []).map { drawing in
      ReportCurves.figure(caption: drawing.caption) {
        try drawing.plot.svg(width: 520, height: 260, gnuplot: gnuplot)
      }
    }
    let body = [
      // Answers of any length beside short ones.
      "<style>.gallery { align-items: start; } .card dd { max-height: 13em; overflow-y: auto; }</style>\n",
      "<header>\n<h1>\(HTML.escaped(title))</h1>\n\(banner(state))\(silence(state))\(bar)\(HTML.facts(progress(state) + facts))</header>\n",
      tiles,
      HTML.section("Curves", id: "curves", "<div class=\"figures\">\n\(figures.joined())</div>\n"),
      HTML.section(
        "Held-out answers" + (answers.first.map { " after step \($0.step)" } ?? ""), id: "answers",
        ReportGallery.html(examples)),
      HTML.section("Remarks", id: "remarks", remarks),
    ]
    return HTML.document(
      title: "\(title): \(words(state))", body: body.joined(),
      refreshingEvery: state == .running ? Int(Self.interval) : nil)
  }

  private func words(_ state: State) -> String {
    switch state {
    case .running: "running"
    case .finished: "finished"
    case .stopped: "stopped"
    case .failed: "failed"
    }
  }

  private func banner(_ state: State) -> String {
    let (kind, text) =
      switch state {
      case .running: ("", "Running")
      case .finished: ("good", "Finished: the final model is written")
      case .stopped(let text): ("", text)
      case .failed(let text): ("bad", text)
      }
    return "<p class=\"banner \(kind)\">\(HTML.escaped(text))</p>\n"
  }

  /// A process that was killed writes no last page, so that the page itself looks how old it is.
  private func silence(_ state: State) -> String {
    guard state == .running else { return "" }
    return LivePageSilence.html(
      written: secondsSince1970(), seconds: LivePageSilence.patience(step: last?.report.seconds ?? 0))
  }

  private var bar: String {
    guard let last else { return "" }
    let part = String(format: "%.2f", 100 * Double(last.report.step) / Double(max(last.total, 1)))
    return "<div class=\"gauge\"><i class=\"fill\" style=\"width: \(part)%\"></i></div>\n"
  }

  private func progress(_ state: State) -> [ReportPage.Fact] {
    guard let last, let began else { return [] }
    let report = last.report, seconds = clock() - began.time
    var facts = [
      ReportPage.Fact("epoch", "\(report.epoch + 1) of \(epochs)"),
      ReportPage.Fact("step", "\(report.step) of \(last.total)"),
      ReportPage.Fact("learning rate", String(format: "%.3g", report.learningRate)),
      ReportPage.Fact("this process has run", Self.duration(seconds)),
    ]
    if state == .running, report.step > began.step {
      let left = seconds / Double(report.step - began.step) * Double(last.total - report.step)
      facts.append(ReportPage.Fact("time left", Self.duration(left)))
    }
    facts.append(ReportPage.Fact("memory", MemoryForecast.residentText))
    var now = secondsSince1970(), parts = tm()
    gmtime_r(&now, &parts)
    facts.append(
      ReportPage.Fact(
        "as of", String(format: "%02d:%02d:%02d UTC", parts.tm_hour, parts.tm_min, parts.tm_sec)))
    return facts
  }

  private static func duration(_ seconds: Double) -> String {
    let whole = Int(min(max(seconds, 0).rounded(), 1e9))
    if whole < 60 { return "\(whole) s" }
    return whole < 3600 ? "\(whole / 60) min \(whole % 60) s" : "\(whole / 3600) h \(whole % 3600 / 60) min"
  }

  private var tiles: String {
    let validation = curves?.lastValidation
    func number(_ key: String, _ format: String, times factor: Double = 1) -> String? {
      validation?[key]?.double.map { String(format: format, factor * $0) }
    }
    let values: [(name: String, note: String, value: String?)] = [
      ("Training loss", "nats per token", curves?.lastLoss.map { String(format: "%.4f", $0) }),
      ("Held-out loss", "nats per token", number("validation_loss", "%.4f")),
      ("Image gap", "shuffled less true", number("image_gap", "%+.4f")),
      ("Closed accuracy", "of held-out questions", number("closed_accuracy", "%.1f%%", times: 100)),
    ]
    let shown = values.compactMap { name, note, value in
      value.map {
        "<div class=\"tile\"><h3>\(name) <span>\(note)</span></h3><div class=\"value\">\(HTML.escaped($0))</div></div>\n"
      }
    }
    return "<div class=\"tiles\">\n\(shown.joined())</div>\n"
  }

  private var remarks: String {
    guard let curves else { return "" }
    var lines: [String] = []
    if curves.skipped > 0 { lines.append("\(curves.skipped) steps were skipped, as something was not finite.") }
    if curves.spikes > 0 { lines.append("\(curves.spikes) steps had a loss that stands out above those before.") }
    return lines.map { "<p>\(HTML.escaped($0))</p>\n" }.joined()
  }
}
