import CarinaData
import CarinaEngine
import CarinaMetrics
import Foundation

/// The page of an evaluation: verdict, loss curves, scores, arms, and a gallery of the images that were asked about.
///
/// ```swift
/// var report = EvaluationReport(outcome, shards: shards)
/// report.title = "Held-out radiographs"
/// try report.page().write(to: "results/report.html")
/// ```
public struct EvaluationReport {
  /// The page's heading.
  public var title = "Evaluation"
  /// The loss curves of the stages that made the model.
  public var curves: [LossCurve] = []
  /// The comparison with what was expected.
  public var outcomes: [ExpectedResults.Outcome] = []
  /// The programs that were run, in order.
  public var runs: [ReportPage.Run] = []
  /// How many images the gallery shows at most, and how many questions under each.
  package var imageCount = 24, questionsPerImage = 6

  private let outcome: EvaluatorOutcome
  private let shards: ShardDirectory

  /// A report of what was found on these shards.
  public init(_ outcome: EvaluatorOutcome, shards: ShardDirectory) {
    self.outcome = outcome
    self.shards = shards
  }

  /// The page.
  /// - Throws: `CarinaError.badData` when an image cannot be read from its shard.
  public func page() throws -> ReportPage {
    var page = ReportPage(title: title, summary: summary)
    page.facts = outcome.report.facts.sorted { $0.key < $1.key }.map { .init($0.key, $0.value) }
    page.curves = curves
    page.outcomes = outcomes
    page.metrics = outcome.report
    page.examples = try gallery()
    page.runs = runs
    page.notes = outcome.remarks
    return page
  }

  private var summary: String {
    let split = shards.manifest.split.isEmpty ? "" : " of the split “\(shards.manifest.split)”"
    return "\(outcome.report.n) questions\(split), answered by the model and scored against their references."
  }

  /// Examples from images spread evenly over those evaluated.
  private func gallery() throws -> [ReportPage.Example] {
    let answers = outcome.answers[.trueImage] ?? []
    var lists: [[Int]] = [], ofImages: [[Int]: [Int]] = [:]
    for index in answers.indices {
      let rows = shards.sample(index).imageRows
      if ofImages[rows] == nil { lists.append(rows) }
      ofImages[rows, default: []].append(index)
    }
    let shown = min(imageCount, lists.count)
    return try (0..<shown).flatMap { index -> [ReportPage.Example] in
      let rows = lists[index * lists.count / shown]
      let images = try rows.map { try PNGEncoder.encode(shards.pixels(imageRow: $0)) }
      return (ofImages[rows] ?? []).prefix(questionsPerImage).map {
        ReportPage.Example(answers[$0], image: images[0], furtherImages: Array(images.dropFirst()))
      }
    }
  }
}
