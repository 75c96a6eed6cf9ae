import ArgumentParser
import Carina
import CommandOptions
import Foundation

/// Scoring answers that were made elsewhere.
struct ScoringOptions: ParsableArguments {
  @Option(help: "A file of answers made elsewhere, one JSON object a line: id, prediction, reference or references.")
  var predictions: String

  @Option(help: "Where metrics.json, predictions.jsonl and report.html are written.")
  var outputDir: String

  @Option(help: "How many resamples give the 95% intervals; 0 for none.")
  var bootstrap = 1000

  @Option(help: "Seed of the resampling.")
  var seed: UInt64 = 0

  func run() throws {
    writeRunHeader(
      "evaluate",
      [
        ("predictions", predictions), ("output-dir", outputDir), ("bootstrap", String(bootstrap)),
        ("seed", String(seed)),
      ])
    let (answers, report) = try ScoringRun.score(
      predictionsFile: predictions, outputDirectory: outputDir, bootstrap: bootstrap, seed: seed,
      facts: ["predictions": predictions])
    print("\(report.n) answers, intervals over \(report.bootstrap.units) by \(report.bootstrap.unit)\n")
    print(MetricTable(report).text, terminator: "")
    try page(answers, report).write(to: (outputDir as NSString).appendingPathComponent("report.html"))
  }

  /// The report; its gallery has the first four dozen answers whose image is a readable file.
  private func page(_ answers: [ScoredAnswer], _ report: MetricReport) -> ReportPage {
    var page = ReportPage(title: "Scores of \((predictions as NSString).lastPathComponent)")
    page.facts = [.init("answers", String(report.n)), .init("seed", String(seed))]
    page.metrics = report
    page.examples = answers.lazy
      .compactMap { answer in
        answer.image.flatMap(FileManager.default.contents(atPath:)).map { .init(answer, image: $0) }
      }
      .prefix(48).map { $0 }
    page.runs = [
      .init(
        title: "evaluate",
        command:
          "evaluate --predictions \(predictions) --output-dir \(outputDir) --bootstrap \(bootstrap) --seed \(seed)")
    ]
    return page
  }
}
