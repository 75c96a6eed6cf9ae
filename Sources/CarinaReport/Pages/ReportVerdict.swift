import CarinaMetrics

/// The page's comparison of what was found with what was expected.
enum ReportVerdict {
  static func html(_ outcomes: [ExpectedResults.Outcome]) -> String {
    guard !outcomes.isEmpty else { return "" }
    let failures = outcomes.filter { !$0.holds }.count
    let banner =
      failures == 0
      ? "<p class=\"banner good\">✓ All \(outcomes.count) expectations hold.</p>\n"
      : "<p class=\"banner bad\">✗ \(failures) of \(outcomes.count) expectations do not hold.</p>\n"
    let rows = outcomes.map { outcome in
      [
        outcome.name, outcome.found.map { MetricTable.number($0, of: outcome.name) } ?? "missing", outcome.expected,
        outcome.holds ? "✓ holds" : "✗ does not hold",
      ]
    }
    return banner
      + HTML.table(
        ["metric", "found", "expected", ""], rows, numbers: [1, 2], classes: outcomes.map { $0.holds ? "" : "bad" })
  }
}
