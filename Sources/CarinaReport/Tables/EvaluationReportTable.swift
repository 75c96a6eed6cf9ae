import CarinaEngine
import CarinaMetrics

/// An evaluation's scores for the terminal.
public enum EvaluationReportTable {
  /// All metrics of the true image with intervals and floors, then the arms side by side where there are several.
  public static func text(_ report: MetricReport) -> String {
    let table = MetricTable(report)
    guard !report.arms.isEmpty else { return table.text }
    let arms = EvaluatorArm.allCases.map(\.rawValue).filter { report.arms[$0] != nil }
    let rows = table.rows.map { row in
      [row.name, row.value] + arms.map { cell(report.arms[$0]?[row.name], row.name) }
    }
    let right = [TextTable.Alignment](repeating: .right, count: arms.count + 1)
    return table.text + "\nWith another image:\n\n"
      + TextTable(["metric", "true"] + arms, alignments: [.left] + right, rows: rows).text
  }

  /// What was expected beside what was found, ending in a plain verdict.
  public static func verdict(_ outcomes: [ExpectedResults.Outcome]) -> String {
    let rows = outcomes.map { outcome in
      [
        outcome.name, outcome.found.map { MetricTable.number($0, of: outcome.name) } ?? "missing", outcome.expected,
        outcome.holds ? "holds" : "DOES NOT HOLD",
      ]
    }
    let table = TextTable(
      ["metric", "found", "expected", ""], alignments: [.left, .right, .left, .left], rows: rows)
    let failures = outcomes.count { !$0.holds }
    return table.text
      + (failures == 0
        ? "\nVerdict: all \(outcomes.count) expectations hold.\n"
        : "\nVerdict: \(failures) of \(outcomes.count) expectations do NOT hold.\n")
  }

  private static func cell(_ metric: MetricValue?, _ name: String) -> String {
    guard let metric else { return "" }
    let value = MetricTable.number(metric.value, of: name)
    return MetricTable.interval(metric, of: name, dash: " – ").map { "\(value) (\($0))" } ?? value
  }
}
