/// The page's loss curves.
enum ReportCurves {
  static func html(_ curves: [LossCurve], _ gnuplot: Gnuplot) -> String {
    guard !curves.isEmpty else { return "" }
    let figures = curves.map { curve in
      figure(caption: "\(curve.name): \(last(curve))") {
        try curve.plot.svg(width: 520, height: 280, gnuplot: gnuplot)
      }
    }
    return "<div class=\"figures\">\n\(figures.joined())</div>\n"
  }

  /// A drawing with its caption; where it cannot be drawn, the reason instead.
  static func figure(caption: String, _ draw: () throws -> String) -> String {
    let content: String
    do {
      content = try draw()
    } catch {
      content = "<p class=\"note\">Not drawn. \(HTML.escaped(String(describing: error)))</p>"
    }
    return "<figure>\(content)<figcaption>\(HTML.escaped(caption))</figcaption></figure>\n"
  }

  private static func last(_ curve: LossCurve) -> String {
    let smoothed = curve.smoothed
    let ends = [smoothed.first, smoothed.last].map { $0.map { MetricTable.number($0, of: "loss") } ?? "?" }
    return "\(curve.steps.count) steps, loss \(ends[0]) → \(ends[1])"
  }
}
