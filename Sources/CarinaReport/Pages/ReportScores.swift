import CarinaMetrics
import Foundation

/// The page's scores: tiles for the ones that people look for first, tables for all.
enum ReportScores {
  private static let headlines = [
    ("closed-accuracy", "Closed questions", "accuracy"), ("exact-match-open", "Open questions", "exact match"),
    ("bleu-coco-4", "Wording", "BLEU-4, COCO"), ("token-f1", "Words", "token F1"),
  ]

  /// The tiles.
  static func headline(_ report: MetricReport) -> String {
    let tiles = headlines.compactMap { name, title, kind -> String? in
      guard let metric = report.metrics[name] else { return nil }
      return tile(title, kind, name, metric, floor: report.floors[name]?["always"])
    }
    return tiles.isEmpty ? "" : "<div class=\"tiles\">\n\(tiles.joined())</div>\n"
  }

  private static func tile(
    _ title: String, _ kind: String, _ name: String, _ metric: MetricValue, floor: CommonestAnswer?
  ) -> String {
    var notes: [String] = []
    if let interval = MetricTable.interval(metric, of: name, dash: "–") { notes.append("95%: \(interval)") }
    notes.append("n = \(metric.n)")
    let floorNote = floor.map { floor in
      let answer = floor.answer.map { ", always “\(HTML.escaped($0))”" } ?? ""
      return "<p class=\"note\">floor \(MetricTable.number(floor.value, of: name))\(answer)</p>"
    }
    return """
      <div class="tile"><h3>\(title) <span>\(kind)</span></h3>
      <p class="value">\(MetricTable.number(metric.value, of: name))</p>
      \(gauge(metric, floor: floor?.value))
      <p class="note">\(notes.joined(separator: " · "))</p>\(floorNote ?? "")</div>

      """
  }

  /// A scale from 0 to 1 with the value, its interval and the floor.
  private static func gauge(_ metric: MetricValue, floor: Double?) -> String {
    func percent(_ value: Double) -> String { String(format: "%.2f", 100 * min(1, max(0, value))) }
    var marks = "<i class=\"fill\" style=\"width:\(percent(metric.value))%\"></i>"
    if let low = metric.low, let high = metric.high {
      marks += "<i class=\"interval\" style=\"left:\(percent(low))%;width:\(percent(high - low))%\"></i>"
    }
    if let floor { marks += "<i class=\"floor\" style=\"left:\(percent(floor))%\"></i>" }
    return "<div class=\"gauge\" role=\"img\" aria-label=\"value on a scale from 0 to 1\">\(marks)</div>"
  }

  /// All metrics, then those of each answer type, the floors and how everything is computed.
  static func tables(_ report: MetricReport) -> String {
    let resampling =
      report.bootstrap.replicates > 0
      ? "Intervals: 2.5th and 97.5th percentile of \(report.bootstrap.replicates) bootstrap resamples of "
        + "\(report.bootstrap.units) units (\(report.bootstrap.unit)), seed \(report.bootstrap.seed)."
      : "No intervals were computed."
    var html = "<p>\(report.n) answers. \(resampling)</p>\n" + table(report.metrics, report.floors)
    for (type, metrics) in report.byAnswerType.sorted(by: { $0.key < $1.key }) {
      html += HTML.folded("Only answers of type \(type)", table(metrics, [:]))
    }
    if !report.floors.isEmpty { html += HTML.folded("What one scores without looking at the image", floors(report)) }
    let rows = MetricTable(report).rows.map { [$0.name, report.signatures[$0.name] ?? ""] }
    return html + HTML.folded("How each metric is computed", HTML.table(["metric", "signature"], rows))
  }

  private static func table(_ metrics: [String: MetricValue], _ floors: [String: [String: CommonestAnswer]]) -> String {
    let table = MetricTable(metrics, floors: floors)
    let hasFloor = table.rows.contains { !$0.floor.isEmpty }
    let headings = ["metric", "value", "95% interval", "n"] + (hasFloor ? ["commonest answer"] : [])
    let rows = table.rows.map { [$0.name, $0.value, $0.interval, $0.n] + (hasFloor ? [$0.floor] : []) }
    return HTML.table(headings, rows, numbers: [1, 2, 3, 4])
  }

  private static func floors(_ report: MetricReport) -> String {
    let rows = report.floors.sorted { $0.key < $1.key }.flatMap { name, floors in
      floors.sorted { $0.key < $1.key }.map { strategy, floor in
        [name, strategy, MetricTable.number(floor.value, of: name), String(floor.n), floor.answer ?? ""]
      }
    }
    return HTML.table(["metric", "commonest answer", "score", "n", "which"], rows, numbers: [2, 3])
  }
}
