import CarinaMetrics
import CarinaRuntime
import CarinaTensor
import Foundation

/// What an evaluation found.
public struct EvaluatorOutcome {
  /// The answers of each arm, in the order of the samples.
  public let answers: [EvaluatorArm: [ScoredAnswer]]
  /// The scores.
  public let report: MetricReport
  /// Everything that decided the answers.
  package let configuration: JSONValue
  /// What a reader of the scores should know.
  public let remarks: [String]

  /// The arms in order.
  public var arms: [EvaluatorArm] { EvaluatorArm.allCases.filter { answers[$0] != nil } }

  /// Writes the predictions of every arm, `metrics.json`, and `run.json` with the facts that differ from run to run.
  func write(to directory: String, device: Device) throws {
    func path(_ name: String) -> String { (directory as NSString).appendingPathComponent(name) }
    for arm in EvaluatorArm.allCases {
      if let answers = answers[arm] {
        try PredictionsFile.write(answers, to: path(arm.predictionsFileName))
      } else if unlink(path(arm.predictionsFileName)) != 0, errno != ENOENT {
        // An earlier evaluation's file would be taken for one of this.
        throw CarinaError(.cannotWrite, "an earlier file cannot be removed", at: path(arm.predictionsFileName))
      }
    }
    let record: JSONValue = [
      "program": "evaluate", "configuration": configuration, "environment": RunEnvironment.json(on: device),
      "remarks": .array(remarks.map { .string($0) }),
    ]
    try record.write(to: path("run.json"))
    try MetricsFile.write(report, to: path("metrics.json"))
  }
}
