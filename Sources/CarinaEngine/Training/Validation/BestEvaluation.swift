import CarinaRuntime

/// The best value of a validation so far, the step after which it was taken, and how many validations have passed since
/// without an improvement.
///
/// An improvement by no more than `delta` makes a new best and yet counts as none for early stopping, as in
/// transformers' `EarlyStoppingCallback`.
package struct BestEvaluation: Equatable, Sendable {
  private static let stepKey = "best_step", countKey = "evaluations_without_improvement"
  private static let recentKey = "recent_training_loss"

  /// What is compared.
  package let metric: BestMetric
  private let patience: Int?, delta: Double
  /// The best so far, and its step; nil where none was taken. The step is nil too in checkpoints of before it was kept.
  package private(set) var value: Double?, step: Int?
  /// Validations in a row without an improvement.
  package private(set) var countWithout = 0
  private var recent = (sum: 0.0, count: 0)

  /// One that has seen nothing.
  /// - Parameters:
  ///   - patience: after how many validations without improvement it is exhausted; nil for never.
  ///   - delta: an improvement by no more is none.
  package init(metric: BestMetric = .validationLoss, patience: Int? = nil, delta: Double = 0) {
    self.metric = metric
    self.patience = patience
    self.delta = delta
  }

  /// One as the settings have it.
  package init(_ settings: ValidationSettings) {
    self.init(
      metric: settings.bestMetric, patience: settings.earlyStopping, delta: settings.earlyStoppingDelta)
  }

  /// Whether the run has gone on long enough without an improvement.
  package var isExhausted: Bool { patience.map { countWithout >= $0 } ?? false }

  /// The mean loss of the steps since the last validation; nil where there was none.
  package var trainingLoss: Double? { recent.count > 0 ? recent.sum / Double(recent.count) : nil }

  /// Takes note of the loss of a step.
  package mutating func note(stepLoss: Double) {
    guard stepLoss.isFinite else { return }
    recent = (recent.sum + stepLoss, recent.count + 1)
  }

  /// Takes note of a validation.
  /// - Parameter found: the metric's value; nil where there is none.
  /// - Returns: whether it is the best so far.
  @discardableResult
  package mutating func note(_ found: Double?, step: Int) -> Bool {
    recent = (0, 0)
    let gain = found.map { found in
      value.map { metric.isHigherBetter ? found - $0 : $0 - found } ?? .infinity
    }
    countWithout = gain.map { $0 > delta } ?? false ? 0 : countWithout + 1
    guard let found, let gain, gain > 0 else { return false }
    (value, self.step) = (found, step)
    return true
  }

  /// The same with what a checkpoint kept.
  package func resumed(_ json: JSONValue) -> BestEvaluation {
    var best = self
    best.value = json[metric.stateKey]?.double
    best.step = BestEvaluation.step(in: json)
    best.countWithout = json[Self.countKey]?.int ?? 0
    best.recent = (json[Self.recentKey]?["sum"]?.double ?? 0, json[Self.recentKey]?["count"]?.int ?? 0)
    return best
  }

  /// The step of the best value that a checkpoint kept.
  package static func step(in json: JSONValue) -> Int? { json[stepKey]?.int }

  /// What a checkpoint keeps.
  package var json: JSONValue {
    var object = JSONObject()
    object[metric.stateKey] = value.map(JSONValue.number)
    object[Self.stepKey] = step.map(JSONValue.integer)
    if patience != nil { object[Self.countKey] = .integer(countWithout) }
    if metric == .trainingLoss {
      object[Self.recentKey] = ["sum": .number(recent.sum), "count": .integer(recent.count)]
    }
    return .object(object)
  }

  package static func == (one: BestEvaluation, other: BestEvaluation) -> Bool { one.json == other.json }
}
