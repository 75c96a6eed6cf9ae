import CarinaRuntime

/// What a run is expected to reach: the committed `results/expected.json`, and its comparison with a report.
///
/// The file mirrors `metrics.json`: under `metrics`, `by_answer_type/TYPE` and `arms/ARM` each metric's name stands
/// with `{"value": v, "tolerance": t}`, `{"minimum": v}`, `{"maximum": v}` or several of these together.
///
/// ```swift
/// let outcomes = try ExpectedResults.read("results/expected.json").compare(report)
/// outcomes.allSatisfy(\.holds)
/// ```
public struct ExpectedResults: Equatable, Sendable {
  /// What one metric must fulfil.
  package struct Bound: Equatable, Sendable {
    /// Where: `metrics`, `by_answer_type/OPEN`, `arms/shuffled`, ….
    package var section: String
    /// The metric's name.
    package var metric: String
    /// The expected value and how far the found one may be from it.
    package var value: (expected: Double, tolerance: Double)?
    /// The least allowed.
    package var minimum: Double?
    /// The most allowed.
    package var maximum: Double?

    package init(
      section: String = "metrics", metric: String, value: (expected: Double, tolerance: Double)? = nil,
      minimum: Double? = nil, maximum: Double? = nil
    ) {
      self.section = section
      self.metric = metric
      self.value = value
      self.minimum = minimum
      self.maximum = maximum
    }

    package static func == (left: Bound, right: Bound) -> Bool {
      left.section == right.section && left.metric == right.metric && left.minimum == right.minimum
        && left.maximum == right.maximum && left.value?.expected == right.value?.expected
        && left.value?.tolerance == right.value?.tolerance
    }

    func holds(_ found: Double) -> Bool {
      if let value, !(abs(found - value.expected) <= value.tolerance) { return false }
      if let minimum, !(found >= minimum) { return false }
      if let maximum, !(found <= maximum) { return false }
      return true
    }

    /// `0.951 ± 0.01, ≥ 0.93`.
    var text: String {
      var parts: [String] = []
      if let value { parts.append("\(value.expected) ± \(value.tolerance)") }
      if let minimum { parts.append("≥ \(minimum)") }
      if let maximum { parts.append("≤ \(maximum)") }
      return parts.joined(separator: ", ")
    }
  }

  /// One bound beside what was found.
  public struct Outcome: Equatable, Sendable {
    /// The metric's name, with its section where that is not the main one.
    public var name: String
    /// What was found; nil when the report has no such metric.
    package var found: Double?
    /// What was expected, in words.
    package var expected: String
    /// Whether the bound holds.
    public var holds: Bool
  }

  /// The bounds, by section and name.
  package var bounds: [Bound]

  /// Creates expectations.
  package init(_ bounds: [Bound]) { self.bounds = bounds }

  /// Reads the file.
  /// - Throws: `CarinaError.missingInput` when there is none; `.badData` when an entry has none of the allowed forms or
  ///   an unknown key, or when the file expects nothing.
  public static func read(_ path: String) throws -> ExpectedResults {
    let root = JSONNode(try .parseFile(path), source: path, wording: .results)
    var sections = [("metrics", root["metrics"])]
    for name in ["by_answer_type", "arms"] {
      sections += try root[name].entries().sorted { $0.key < $1.key }.map { ("\(name)/\($0.key)", $0.value) }
    }
    var bounds: [Bound] = []
    for (section, node) in sections {
      for (metric, entry) in try node.entries().sorted(by: { $0.key < $1.key }) {
        bounds.append(try bound(entry, section, metric.text))
      }
    }
    guard !bounds.isEmpty else {
      throw CarinaError(.badData, "it expects nothing", at: path, expected: "at least one metric under \"metrics\"")
    }
    return ExpectedResults(bounds)
  }

  /// Each bound beside what the report says.
  public func compare(_ report: MetricReport) -> [Outcome] {
    bounds.map { bound in
      let parts = bound.section.split(separator: "/", maxSplits: 1).map(String.init)
      let table =
        switch parts[0] {
        case "by_answer_type": report.byAnswerType[ExactText(parts.last ?? "")]
        case "arms": report.arms[parts.last ?? ""]
        default: report.metrics
        }
      let found = table?[bound.metric]?.value
      return Outcome(
        name: parts.count > 1 ? "\(bound.metric) (\(parts[1]))" : bound.metric, found: found, expected: bound.text,
        holds: found.map(bound.holds) ?? false)
    }
  }

  private static func bound(_ node: JSONNode, _ section: String, _ metric: String) throws -> Bound {
    let entries = try node.entries()
    let known: Set<ExactText> = ["value", "tolerance", "minimum", "maximum"]
    let hasValue = entries["value"] != nil && entries["tolerance"] != nil
    guard Set(entries.keys).isSubset(of: known), entries["value"] == nil || hasValue,
      hasValue || entries["minimum"] != nil || entries["maximum"] != nil
    else {
      throw node.failure("\"value\" with \"tolerance\", \"minimum\" or \"maximum\", and nothing else")
    }
    return Bound(
      section: section, metric: metric,
      value: hasValue ? (try node["value"].number(), try node["tolerance"].number()) : nil,
      minimum: try entries["minimum"]?.number(), maximum: try entries["maximum"]?.number())
  }
}
