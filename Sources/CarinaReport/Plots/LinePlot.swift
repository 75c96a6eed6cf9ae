import CarinaRuntime

/// Curves over a common axis, drawn by gnuplot.
///
/// ```swift
/// let curve = LinePlot.Series("loss", x: [1, 2, 3], y: [2.1, 1.4, 1.1])
/// let drawing = try LinePlot(xLabel: "step", yLabel: "nats per token", series: [curve]).svg()
/// ```
public struct LinePlot: Equatable, Sendable {
  /// One curve.
  public struct Series: Equatable, Sendable {
    /// Its name in the key; empty for none.
    public var name: String
    /// Horizontal coordinates.
    package var x: [Double]
    /// Vertical coordinates, as many; a value that is not finite leaves a gap.
    package var y: [Double]
    /// Which of the palette's colours.
    package var color: Int
    /// Whether it is drawn thin and pale, as the raw values behind a smoothed curve.
    package var isFaint: Bool

    /// A curve through the points (`x`, `y`), as many of one as of the other.
    public init(_ name: String, x: [Double], y: [Double], color: Int = 0, isFaint: Bool = false) {
      precondition(x.count == y.count, "a curve needs as many x as y")
      self.name = name
      self.x = x
      self.y = y
      self.color = color
      self.isFaint = isFaint
    }
  }

  /// What the horizontal axis counts.
  package var xLabel: String
  /// What the vertical axis measures.
  package var yLabel: String
  /// The curves, the last on top.
  package var series: [Series]
  /// Whether the vertical axis is logarithmic.
  package var isLogarithmic: Bool

  /// Curves over one horizontal axis, the last on top.
  public init(xLabel: String, yLabel: String, series: [Series], isLogarithmic: Bool = false) {
    self.xLabel = xLabel
    self.yLabel = yLabel
    self.series = series
    self.isLogarithmic = isLogarithmic
  }

  /// Whether there is anything to draw.
  package var hasPoints: Bool { series.contains { zip($0.x, $0.y).contains { $0.isFinite && $1.isFinite } } }

  /// The drawing as an `<svg>` element.
  /// - Throws: `CarinaError` as `Gnuplot.svg` does, or `.usage` when there is no finite point.
  public func svg(width: Int = 640, height: Int = 300, gnuplot: Gnuplot = Gnuplot()) throws -> String {
    try gnuplot.svg(try script(), width: width, height: height)
  }

  func script() throws -> String {
    let drawn = series.filter { zip($0.x, $0.y).contains { $0.isFinite && $1.isFinite } }
    guard !drawn.isEmpty else { throw CarinaError(.usage, "a drawing without a finite point", at: yLabel) }
    var script = PlotStyle.setup
    for (index, curve) in drawn.enumerated() {
      let points = zip(curve.x, curve.y).map { $0.isFinite && $1.isFinite ? "\($0) \($1)" : "" }
      script += "$curve\(index) << END\n\(points.joined(separator: "\n"))\nEND\n"
    }
    script += "set xlabel \(Gnuplot.quoted(xLabel))\nset ylabel \(Gnuplot.quoted(yLabel))\n"
    if isLogarithmic { script += "set logscale y\n" }
    let plots = drawn.enumerated().map { index, curve in
      // The first two digits are gnuplot's transparency.
      let color = PlotStyle.color(curve.color).replacingOccurrences(of: "#", with: curve.isFaint ? "#90" : "#")
      let title = curve.name.isEmpty ? "notitle" : "title \(Gnuplot.quoted(curve.name))"
      // A single point makes no line.
      let style = curve.x.count == 1 ? "points pt 7 ps 0.6" : "lines lw \(curve.isFaint ? 0.8 : 2)"
      return "$curve\(index) using 1:2 with \(style) lc rgb '\(color)' \(title)"
    }
    return script + "plot " + plots.joined(separator: ", \\\n  ") + "\n"
  }
}
