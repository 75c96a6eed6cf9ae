/// One metric over a set of answers.
public struct MetricValue: Equatable, Sendable {
  /// The metric on the whole set.
  public var value: Double
  /// The 2.5th percentile of the resamples; nil without resampling.
  public var low: Double?
  /// The 97.5th percentile of the resamples; nil without resampling.
  public var high: Double?
  /// How many answers the metric concerns.
  public var n: Int

  /// Creates a value.
  public init(value: Double, low: Double? = nil, high: Double? = nil, n: Int) {
    self.value = value
    self.low = low
    self.high = high
    self.n = n
  }
}
