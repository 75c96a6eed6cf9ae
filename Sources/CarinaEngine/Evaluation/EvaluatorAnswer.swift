import CarinaMetrics
import CarinaRuntime

/// An answer, and whether it was cut by the limit on new tokens.
struct EvaluatorAnswer: Equatable {
  var scored: ScoredAnswer
  var isCut: Bool

  /// One line of an arm's unfinished file: a line of predictions with a key of its own.
  func line() throws -> String {
    guard var object = try JSONValue.parse(PredictionsFile.line(scored), source: "an answer").object else {
      throw CarinaError(.internalFailure, "an answer was not written as an object", at: scored.id)
    }
    object["cut"] = .bool(isCut)
    return try JSONValue.object(object).serialized() + "\n"
  }
}
