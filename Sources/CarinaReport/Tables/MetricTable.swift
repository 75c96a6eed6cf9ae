import CarinaMetrics
import Foundation

/// The rows of a table of metrics, for the terminal and for the page.
///
/// ```swift
/// print(MetricTable(report).text)
/// ```
public struct MetricTable: Equatable, Sendable {
  /// One metric.
  public struct Row: Equatable, Sendable {
    /// The metric, as the standard suite calls it.
    public var name: String
    /// The value with three decimals, or one where it is in percent.
    public var value: String
    /// `0.912 – 0.945`; empty without resampling.
    public var interval: String
    /// How many answers it concerns.
    public var n: String
    /// What the commonest answer scores; empty where that says nothing.
    public var floor: String
  }

  /// The rows, in the order of the standard suite, names that it does not know at the end.
  public var rows: [Row]

  /// The metrics of a report.
  public init(_ report: MetricReport) { self.init(report.metrics, floors: report.floors) }

  /// Some metrics, with the floors of those that have one.
  public init(_ metrics: [String: MetricValue], floors: [String: [String: CommonestAnswer]] = [:]) {
    let order = MetricSuite.standard.names
    let names = metrics.keys.sorted {
      (order.firstIndex(of: $0) ?? order.count, $0) < (order.firstIndex(of: $1) ?? order.count, $1)
    }
    rows = names.compactMap { name in
      guard let metric = metrics[name] else { return nil }
      let floor = floors[name]?["always"].map { Self.number($0.value, of: name) }
      return Row(
        name: name, value: Self.number(metric.value, of: name),
        interval: Self.interval(metric, of: name, dash: " – ") ?? "", n: String(metric.n), floor: floor ?? "")
    }
  }

  /// The table for a terminal.
  public var text: String {
    TextTable(
      ["metric", "value", "95% interval", "n", "commonest answer"],
      alignments: [.left, .right, .right, .right, .right],
      rows: rows.map { [$0.name, $0.value, $0.interval, $0.n, $0.floor] }
    ).text
  }

  /// A value as it is shown: three decimals, two for the metrics that go to 100 or further.
  public static func number(_ value: Double, of name: String) -> String {
    let isPercent = name == "sacrebleu" || name.hasSuffix("-llavamed") || name == "perplexity"
    return String(format: isPercent ? "%.2f" : "%.3f", value)
  }

  /// Both ends of a metric's interval as they are shown; nil without resampling.
  static func interval(_ metric: MetricValue, of name: String, dash: String) -> String? {
    guard let low = metric.low, let high = metric.high else { return nil }
    return number(low, of: name) + dash + number(high, of: name)
  }
}
