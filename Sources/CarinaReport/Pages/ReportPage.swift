import CarinaMetrics
import CarinaRuntime
import Foundation

/// `report.html`: everything that one needs to judge a run, in one file that loads nothing from elsewhere.
///
/// The same values give the same bytes, as long as gnuplot is the same. Without gnuplot the page says so and goes
/// without curves and bars.
///
/// ```swift
/// var page = ReportPage(title: "Evaluation", summary: "412 questions about 203 images.")
/// page.metrics = report
/// page.curves = [try LossCurve.read("stage2/train_log.jsonl", name: "stage 2")]
/// try page.write(to: "results/report.html")
/// ```
public struct ReportPage: Equatable, Sendable {
  /// A name and a value.
  public struct Fact: Equatable, Sendable {
    /// What the fact is about.
    public var name: String
    /// What is so, as it is shown.
    public var value: String

    /// A line of the page's head, or of a program's options.
    public init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  /// An image, or several, with what was asked, wanted and answered.
  public struct Example: Equatable, Sendable {
    /// The sample's name.
    public var id: String
    /// The bytes of a PNG or JPEG file.
    public var image: Data
    /// Those of the images behind the first, in their order.
    public var furtherImages: [Data] = []
    /// The question; empty for a caption.
    public var question: String
    /// What would have been right.
    package var reference: String
    /// What the model said.
    package var answer: String
    /// Whether that counts as right; nil where the question is not of that kind.
    package var isRight: Bool?

    package init(id: String, image: Data, question: String, reference: String, answer: String, isRight: Bool?) {
      self.id = id
      self.image = image
      self.question = question
      self.reference = reference
      self.answer = answer
      self.isRight = isRight
    }

    /// Creates an example from a scored answer.
    public init(_ answer: ScoredAnswer, image: Data, furtherImages: [Data] = []) {
      self.init(
        id: answer.id, image: image, question: answer.question, reference: answer.references.joined(separator: " / "),
        answer: answer.prediction, isRight: answer.isRight)
      self.furtherImages = furtherImages
    }
  }

  /// One program that was run.
  public struct Run: Equatable, Sendable {
    /// The stage, or the program's name.
    public var title: String
    /// The command line.
    package var command: String
    /// The resolved options, versions, digests.
    package var options: [Fact]

    /// A program with the command line that started it.
    public init(title: String, command: String, options: [Fact] = []) {
      self.title = title
      self.command = command
      self.options = options
    }

    var html: String {
      let folded = options.isEmpty ? "" : HTML.folded("Options and versions", HTML.facts(options))
      return "<h3>\(HTML.escaped(title))</h3>\n<pre><code>\(HTML.escaped(command))</code></pre>\n\(folded)"
    }
  }

  /// The heading.
  public var title: String
  /// One sentence below it.
  package var summary: String
  /// The run's facts, in the page's head.
  public var facts: [Fact] = []
  /// The comparison with what was expected.
  public var outcomes: [ExpectedResults.Outcome] = []
  /// The stages' losses.
  public var curves: [LossCurve] = []
  /// The scores.
  public var metrics: MetricReport?
  /// Images of the held-out set.
  public var examples: [Example] = []
  /// What was run, in order.
  public var runs: [Run] = []
  /// Remarks for the reader.
  package var notes: [String] = []

  /// Creates a page with a heading; the rest is set afterwards.
  public init(title: String, summary: String = "") {
    self.title = title
    self.summary = summary
  }

  /// The page.
  public func html(gnuplot: Gnuplot = Gnuplot()) -> String {
    let body = [
      header, HTML.section("Verdict", id: "verdict", ReportVerdict.html(outcomes)),
      metrics.map { ReportScores.headline($0) } ?? "",
      HTML.section("Training", id: "training", ReportCurves.html(curves, gnuplot)),
      HTML.section("Scores", id: "scores", metrics.map { ReportScores.tables($0) } ?? ""),
      HTML.section("With another image", id: "arms", metrics.map { ReportArms.html($0, gnuplot) } ?? ""),
      HTML.section("Held-out images", id: "images", ReportGallery.html(examples)),
      HTML.section("What was run", id: "runs", runs.map(\.html).joined()),
      HTML.section("Remarks", id: "remarks", notes.map { "<p>\(HTML.escaped($0))</p>\n" }.joined()),
    ]
    return HTML.document(title: title, body: body.joined())
  }

  /// Writes the page to a file.
  /// - Throws: `CarinaError.cannotWrite`.
  public func write(to path: String, gnuplot: Gnuplot = Gnuplot()) throws {
    try AtomicFile.write(html(gnuplot: gnuplot), to: path)
  }

  private var header: String {
    let line = summary.isEmpty ? "" : "<p class=\"summary\">\(HTML.escaped(summary))</p>\n"
    return "<header>\n<h1>\(HTML.escaped(title))</h1>\n\(line)\(HTML.facts(facts))</header>\n"
  }
}
