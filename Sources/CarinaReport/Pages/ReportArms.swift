import CarinaMetrics

/// The page's comparison of the true image with a shuffled and a blank one: what the image is worth.
enum ReportArms {
  private static let shown = [
    "closed-accuracy", "exact-match-open", "exact-match", "token-f1", "bleu-coco-4", "rougeL-google",
  ]

  static func html(_ report: MetricReport, _ gnuplot: Gnuplot) -> String {
    guard !report.arms.isEmpty else { return "" }
    let arms = ["true"] + report.arms.keys.filter { $0 != "true" }.sorted(by: >)
    func values(_ arm: String) -> [String: MetricValue] {
      arm == "true" ? report.metrics : report.arms[arm] ?? [:]
    }
    let names = MetricTable(report).rows.map(\.name).filter { name in
      arms.dropFirst().contains { values($0)[name] != nil }
    }
    let drawn = shown.filter(names.contains)
    var html = "<p>The same questions, asked with the true image, with that of another patient and with none.</p>\n"
    if !drawn.isEmpty {
      html += ReportCurves.figure(caption: "Scores by image, with 95% intervals") {
        try BarPlot(groups: drawn, series: arms.map { arm in .init(arm, values: drawn.map { values(arm)[$0] }) })
          .svg(width: 900, height: 300, gnuplot: gnuplot)
      }
    }
    let rows = names.map { name in
      [name] + arms.map { arm in values(arm)[name].map { cell($0, name) } ?? "" }
    }
    return html + HTML.folded("All metrics", HTML.table(["metric"] + arms, rows, numbers: Set(1...arms.count)))
  }

  private static func cell(_ metric: MetricValue, _ name: String) -> String {
    let value = MetricTable.number(metric.value, of: name)
    return MetricTable.interval(metric, of: name, dash: "–").map { "\(value) (\($0))" } ?? value
  }
}
