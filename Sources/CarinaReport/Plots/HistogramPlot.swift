import Foundation

/// How often values occur, as bars over their axis, with a line at a limit.
struct HistogramPlot: Equatable {
  /// What is counted along the axis.
  var xLabel: String
  /// What a bar's height is.
  var yLabel: String
  /// Left edge and height of each bar, all of one width.
  var bars: [(left: Double, height: Double)]
  var width: Double
  /// Where a line is drawn; nil for none.
  var limit: Double?

  /// Bars of counts: at most `most` bars of whole width from 0 to the largest value.
  init(_ values: [Int], xLabel: String, yLabel: String, limit: Int? = nil, most: Int = 60) {
    let largest = max(values.max() ?? 0, 1)
    let step = (largest + most) / most
    var counts = [Int](repeating: 0, count: largest / step + 1)
    for value in values { counts[value / step] += 1 }
    self.init(
      counts.enumerated().map { (Double($0.offset * step), Double($0.element)) }, width: Double(step), xLabel: xLabel,
      yLabel: yLabel, limit: limit.map(Double.init))
  }

  init(_ bars: [(Double, Double)], width: Double, xLabel: String, yLabel: String, limit: Double? = nil) {
    self.bars = bars.map { (left: $0.0, height: $0.1) }
    (self.width, self.xLabel, self.yLabel, self.limit) = (width, xLabel, yLabel, limit)
  }

  static func == (left: HistogramPlot, right: HistogramPlot) -> Bool { left.script() == right.script() }

  /// The drawing as an `<svg>` element.
  /// - Throws: `CarinaError` as `Gnuplot.svg` does.
  func svg(width: Int = 520, height: Int = 260, gnuplot: Gnuplot) throws -> String {
    try gnuplot.svg(script(), width: width, height: height)
  }

  func script() -> String {
    let rows = bars.map { "\($0.left + width / 2) \($0.height)" }
    let end = max((bars.last?.left ?? 0) + width, (limit ?? 0) * 1.02)
    var script =
      PlotStyle.setup + """
        $bars << END
        \(rows.joined(separator: "\n"))
        END
        set style fill solid 0.9 noborder
        set boxwidth \(width * 0.92)
        set xrange [0:\(end)]
        set yrange [0:*]
        set xlabel \(Gnuplot.quoted(xLabel))
        set ylabel \(Gnuplot.quoted(yLabel))

        """
    if let limit {
      script +=
        "set arrow from \(limit), graph 0 to \(limit), graph 1 nohead lw 2 dt 2 lc rgb '\(PlotStyle.color(5))'\n"
    }
    return script + "plot $bars using 1:2 with boxes lc rgb '\(PlotStyle.color(0))' notitle\n"
  }
}
