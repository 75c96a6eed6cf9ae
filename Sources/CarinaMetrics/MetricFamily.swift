/// Metrics that come from the same per-answer numbers.
///
/// A metric over a corpus is a function of sums over its answers. Keeping the per-answer numbers therefore allows any
/// number of resamples without looking at a text again.
///
/// ```swift
/// MeanMetric(name: "is-short", signature: "words:at-most-5") { answer, _ in
///   answer.prediction.split(separator: " ").count <= 5 ? 1 : 0
/// }
/// ```
package protocol MetricFamily: Sendable {
  /// The metrics' names, in the order of `values(of:count:)`.
  var names: [String] { get }
  /// How the metrics are computed, in one line: everything that changes a digit.
  var signature: String { get }
  /// The signature for certain answers, where it depends on them; `signature` unless the family says otherwise.
  func signature(for answers: [ScoredAnswer]) -> String
  /// How many numbers an answer contributes.
  var width: Int { get }
  /// The numbers of one answer; nil when the metric does not concern it.
  func statistics(of answer: ScoredAnswer, using cache: TokenCache) -> [Double]?
  /// The metrics' values, given the sums of the numbers over `count` answers; `count` is at least 1.
  func values(of sums: [Double], count: Int) -> [Double]
}

extension MetricFamily {
  /// The signature, whatever the answers.
  package func signature(for answers: [ScoredAnswer]) -> String { signature }
}

/// A metric that is the mean of a per-answer score.
struct MeanMetric: MetricFamily {
  let name: String
  let signature: String
  /// What the mean is multiplied by: 1, or 100 where the original speaks in percent.
  var scale = 1.0
  let score: @Sendable (ScoredAnswer, TokenCache) -> Double?

  var names: [String] { [name] }
  var width: Int { 1 }

  func statistics(of answer: ScoredAnswer, using cache: TokenCache) -> [Double]? {
    score(answer, cache).map { [$0] }
  }

  func values(of sums: [Double], count: Int) -> [Double] { [scale * (sums[0] / Double(count))] }
}
