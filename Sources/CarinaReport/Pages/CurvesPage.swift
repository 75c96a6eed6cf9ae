import CarinaRuntime
import Foundation

/// The curves of training runs: an SVG file a drawing, and `curves.html` with all of them.
public struct CurvesPage {
  /// The page's name in the directory that it is written to.
  public static let fileName = "curves.html"
  private let runs: [RunCurves]

  /// The curves of some runs, each with a name of its own.
  public init(_ runs: [RunCurves]) { self.runs = runs }

  /// Writes the files.
  /// - Returns: their names.
  /// - Throws: `CarinaError.missingInput` when gnuplot is not installed, `.cannotWrite`.
  public func write(to directory: String, gnuplot: Gnuplot = Gnuplot()) throws -> [String] {
    try AtomicFile.makeDirectory(directory)
    var names: [String] = [], body = "<header>\n<h1>Training curves</h1>\n</header>\n"
    for run in runs {
      var figures = ""
      for drawing in run.drawings {
        let svg = try drawing.plot.svg(width: 640, height: 320, gnuplot: gnuplot),
          name = "\(run.name)-\(drawing.name).svg"
        try AtomicFile.write(svg, to: "\(directory)/\(name)")
        names.append(name)
        figures += ReportCurves.figure(caption: drawing.caption) { svg }
      }
      body += HTML.section(run.name, id: run.name, "<div class=\"figures\">\n\(figures)</div>\n")
    }
    try AtomicFile.write(HTML.document(title: "Training curves", body: body), to: "\(directory)/\(Self.fileName)")
    return names + [Self.fileName]
  }
}
