import ArgumentParser
import Carina
import CommandOptions

/// Scoring answers that were made elsewhere.
struct ScoringOptions: ParsableArguments {
  @Option(help: "A file of answers made elsewhere, one JSON object a line: id, prediction, reference or references.")
  var predictions: String

  @Option(help: "Where metrics.json and predictions.jsonl are written.")
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
    let (_, report) = try ScoringRun.score(
      predictionsFile: predictions, outputDirectory: outputDir, bootstrap: bootstrap, seed: seed,
      facts: ["predictions": predictions])
    print("\(report.n) answers, intervals over \(report.bootstrap.units) by \(report.bootstrap.unit)\n")
    print(MetricTable(report).text, terminator: "")
  }
}
