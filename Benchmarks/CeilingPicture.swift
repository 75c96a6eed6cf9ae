import Carina
import Foundation

/// A drawing of how near measurements come to the machine's ceilings: a bar each, and a line where the ceiling is.
enum CeilingPicture {
  /// Writes it as an SVG file.
  ///
  /// - Parameter bars: names, and parts of the ceiling, 1 being the whole.
  /// - Throws: `CarinaError.missingInput` without gnuplot, `.badData` when the file cannot be written.
  static func write(_ bars: [(name: String, part: Double)], title: String, to path: String) throws {
    let drawing = try Gnuplot().svg(script(bars, title: title), width: 900, height: 70 + 26 * bars.count)
    // On its own a file has no page whose colours it could take.
    let page = drawing.replacingOccurrences(of: "currentColor", with: "black")
    try AtomicFile.write("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + page, to: path)
  }

  private static func script(_ bars: [(name: String, part: Double)], title: String) -> String {
    let rows = bars.enumerated().map { index, bar in "\(bar.part) \(bars.count - index)" }
    let names = bars.enumerated().map { "\(Gnuplot.quoted($0.element.name)) \(bars.count - $0.offset)" }
    let longest = bars.map(\.name.count).max() ?? 0
    return """
      $bars << END
      \(rows.joined(separator: "\n"))
      END
      set title \(Gnuplot.quoted(title))
      set border 1 lw 0.8
      set object rectangle from screen 0,0 to screen 1,1 fillcolor rgb 'white' fillstyle solid noborder behind
      set lmargin \(longest + 2)
      set rmargin 8
      set xrange [0:\(max(1.05, (bars.map(\.part).max() ?? 1) * 1.08))]
      set yrange [0.4:\(Double(bars.count) + 0.6)]
      set xtics nomirror format '%.1f' scale 0.5
      set ytics (\(names.joined(separator: ", "))) scale 0
      set xlabel 'part of the ceiling measured in the same run'
      set arrow from 1,graph 0 to 1,graph 1 nohead lc rgb '#c8524a' lw 1.5 dt 2
      set style fill solid 0.9 noborder
      unset key
      plot $bars using ($1/2):2:($1/2):(0.36) with boxxyerror lc rgb '#3a86c8', \\
        $bars using 1:2:(sprintf(' %.0f%%', $1*100)) with labels left offset 0.3,0

      """
  }
}
