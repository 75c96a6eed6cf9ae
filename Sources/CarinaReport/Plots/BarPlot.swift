import CarinaMetrics
import CarinaRuntime

/// Bars side by side in groups, with intervals, drawn by gnuplot.
///
/// ```swift
/// let bars = BarPlot.Series("true image", values: [report.metrics["closed-accuracy"], report.metrics["token-f1"]])
/// let drawing = try BarPlot(groups: ["closed", "words"], series: [bars]).svg()
/// ```
package struct BarPlot: Equatable, Sendable {
  /// The bars of one colour, one a group.
  public struct Series: Equatable, Sendable {
    /// Its name in the key.
    package var name: String
    /// The bars; nil where a group has none.
    package var values: [MetricValue?]

    package init(_ name: String, values: [MetricValue?]) {
      self.name = name
      self.values = values
    }
  }

  /// The names of the groups.
  package var groups: [String]
  /// The series; each has as many values as there are groups.
  package var series: [Series]
  /// What the vertical axis measures.
  package var yLabel: String
  /// Whether the groups' names are slanted, which gives long ones room.
  package var isSlanted = false

  package init(groups: [String], series: [Series], yLabel: String = "") {
    precondition(series.allSatisfy { $0.values.count == groups.count }, "a series needs a value or nil for each group")
    self.groups = groups
    self.series = series
    self.yLabel = yLabel
  }

  /// The drawing as an `<svg>` element.
  /// - Throws: `CarinaError` as `Gnuplot.svg` does, or `.usage` when there is no bar.
  public func svg(width: Int = 640, height: Int = 300, gnuplot: Gnuplot = Gnuplot()) throws -> String {
    try gnuplot.svg(try script(), width: width, height: height)
  }

  func script() throws -> String {
    guard series.contains(where: { $0.values.contains { $0 != nil } }) else {
      throw CarinaError(.usage, "a drawing without a bar", at: yLabel)
    }
    let step = 0.8 / Double(series.count)
    var script = PlotStyle.setup
    var plots: [String] = []
    for (index, bars) in series.enumerated() {
      let offset = (Double(index) - Double(series.count - 1) / 2) * step
      let rows = bars.values.enumerated().compactMap { group, bar in
        bar.map { "\(Double(group) + offset) \($0.value) \($0.low ?? $0.value) \($0.high ?? $0.value)" }
      }
      guard !rows.isEmpty else { continue }
      script += "$bars\(index) << END\n\(rows.joined(separator: "\n"))\nEND\n"
      plots.append(
        "$bars\(index) using 1:2 with boxes lc rgb '\(PlotStyle.color(index))' title \(Gnuplot.quoted(bars.name))")
      if bars.values.contains(where: { $0?.low != nil }) {
        plots.append("$bars\(index) using 1:2:3:4 with yerrorbars lc rgb 'black' lw 1 pt 0 notitle")
      }
    }
    let names = groups.enumerated().map { "\(Gnuplot.quoted($0.element)) \($0.offset)" }.joined(separator: ", ")
    script += """
      set style fill solid 0.9 noborder
      set boxwidth \(step * 0.9)
      set xrange [-0.6:\(Double(groups.count) - 0.4)]
      set yrange [0:*]
      set xtics (\(names)) scale 0\(isSlanted ? " rotate by 30 right" : "")
      set ylabel \(Gnuplot.quoted(yLabel))

      """
    return script + "plot " + plots.joined(separator: ", \\\n  ") + "\n"
  }
}
