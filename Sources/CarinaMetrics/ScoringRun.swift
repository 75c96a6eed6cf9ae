import CarinaRuntime
import Foundation

/// Scoring without a model: from a file of predictions to a file of metrics.
///
/// ```swift
/// let scored = try ScoringRun.score(predictionsFile: "predictions.jsonl", outputDirectory: "results")
/// scored.report.metrics["sacrebleu"]?.value
/// ```
public enum ScoringRun {
  /// Reads predictions, computes every metric of the standard suite, and writes `metrics.json` and `predictions.jsonl`
  /// (in our own form, unless that is the very file that was read) into a directory.
  ///
  /// - Parameters:
  ///   - predictionsFile: A file as `PredictionsFile` describes it.
  ///   - outputDirectory: Created if it is not there.
  ///   - bootstrap: How many resamples give the intervals; 0 for none.
  ///   - seed: Seed of the resampling.
  ///   - facts: Facts of the run to be kept in the file.
  /// - Returns: The answers and the report.
  /// - Throws: `CarinaError` of reading or writing; nothing is written when reading fails.
  @discardableResult
  public static func score(
    predictionsFile: String, outputDirectory: String, bootstrap: Int = 1000, seed: UInt64 = 0,
    facts: [String: String] = [:]
  ) throws -> (answers: [ScoredAnswer], report: MetricReport) {
    try Bootstrap.replicates.check(bootstrap)
    let answers = try PredictionsFile.read(predictionsFile)
    var report = MetricSuite.standard.evaluate(answers, replicates: bootstrap, seed: seed)
    report.facts = facts
    let copy = (outputDirectory as NSString).appendingPathComponent("predictions.jsonl")
    if URL(fileURLWithPath: copy).resolvingSymlinksInPath()
      != URL(fileURLWithPath: predictionsFile).resolvingSymlinksInPath()
    {
      try PredictionsFile.write(answers, to: copy)
    }
    try MetricsFile.write(report, to: (outputDirectory as NSString).appendingPathComponent("metrics.json"))
    return (answers, report)
  }
}
