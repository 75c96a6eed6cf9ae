import CarinaRuntime

/// Everything that scoring a set of answers yields; the content of `metrics.json` is this and nothing else.
public struct MetricReport: Equatable, Sendable {
  /// How the intervals were drawn.
  public struct Resampling: Equatable, Sendable {
    /// How many resamples.
    public var replicates: Int
    /// Their seed.
    public var seed: UInt64
    /// What was drawn: `patient`, `image`, `sample`, or several joined by `+`.
    public var unit: String
    /// How many of them there are.
    public var units: Int

    /// Creates the facts of a resampling.
    public init(replicates: Int, seed: UInt64, unit: String, units: Int) {
      self.replicates = replicates
      self.seed = seed
      self.unit = unit
      self.units = units
    }
  }

  /// How many answers were scored.
  public var n: Int
  /// Metric name → value, over all answers.
  public var metrics: [String: MetricValue]
  /// Answer type → metric name → value.
  public var byAnswerType: [ExactText: [String: MetricValue]]
  /// Metric name → strategy → what the commonest answer scores.
  public var floors: [String: [String: CommonestAnswer]]
  /// Metric name → how it is computed.
  public var signatures: [String: String]
  /// How the intervals were drawn.
  public var bootstrap: Resampling
  /// Arm (`shuffled`, `blank`) → metric name → value; the main metrics are those of the true image.
  public var arms: [String: [String: MetricValue]] = [:]
  /// Facts of the run (checkpoint, data, decoding), as text.
  public var facts: [String: String] = [:]
}

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

  /// The metric over `n` answers; both ends of the interval, or neither.
  public init(value: Double, low: Double? = nil, high: Double? = nil, n: Int) {
    self.value = value
    self.low = low
    self.high = high
    self.n = n
  }
}
