import Carina
import CommandOptions
import Foundation

/// Scoring answers that were made elsewhere.
struct Scoring {
  let predictions: String
  let outputDirectory: String
  let replicates: Int
  let seed: UInt64
  let report: ReportOptions

  func run() throws {
    writeRunHeader(
      "evaluate",
      [
        ("predictions", predictions), ("output-dir", outputDirectory), ("bootstrap", "\(replicates)"),
        ("seed", "\(seed)"),
      ])
    let (curves, runs) = try report.training()
    let expectations = try report.expectations()
    let lock = try EvaluationLock(outputDirectory: outputDirectory)
    defer { withExtendedLifetime(lock) {} }
    let (answers, scores) = try ScoringRun.score(
      predictionsFile: predictions, outputDirectory: outputDirectory, bootstrap: replicates, seed: seed,
      facts: ["predictions": (predictions as NSString).lastPathComponent])
    let outcomes = expectations?.compare(scores) ?? []
    var page = ReportPage(title: report.title ?? "Scores of \((predictions as NSString).lastPathComponent)")
    page.facts = [.init("answers", "\(scores.n)"), .init("seed", "\(seed)")]
    page.curves = curves
    page.outcomes = outcomes
    page.metrics = scores
    page.examples = gallery(answers)
    page.runs = runs + [ReportOptions.ownRun]
    try page.write(to: (outputDirectory as NSString).appendingPathComponent("report.html"))
    print("\(scores.n) answers, intervals over \(scores.bootstrap.units) by \(scores.bootstrap.unit)\n")
    print(MetricTable(scores).text, terminator: "")
    try report.judge(outcomes)
  }

  /// The first four dozen answers whose images are readable files.
  private func gallery(_ answers: [ScoredAnswer]) -> [ReportPage.Example] {
    answers.lazy
      .compactMap { answer in
        let images = ([answer.image].compactMap { $0 } + answer.furtherImages).map {
          try? ReadableFile.read($0, limit: .picture)
        }
        // Half of what was asked about would mislead.
        let known = images.compactMap { $0 }
        guard let first = known.first, known.count == images.count else { return nil }
        return .init(answer, image: first, furtherImages: Array(known.dropFirst()))
      }
      .prefix(48).map { $0 }
  }
}
