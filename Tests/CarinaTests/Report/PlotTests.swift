import Carina
import Foundation
import TestSupport
import Testing

@Suite struct PlotTests {
  private static let hasGnuplot = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    .contains { FileManager.default.isExecutableFile(atPath: "\($0)/gnuplot") }

  @Test(
    "a line drawing is an SVG element in the reader's colour, the same each time",
    .enabled(if: hasGnuplot, "gnuplot is not installed"))
  func lines() throws {
    let plot = LinePlot(
      xLabel: "step", yLabel: "the model's loss",
      series: [.init("a 'quoted' name", x: [1, 2, 3, 4], y: [3, .nan, 1, 0.5]), .init("", x: [1], y: [2], color: 1)])
    let svg = try plot.svg()
    #expect(svg.hasPrefix("<svg") && svg.contains("</svg>"))
    #expect(svg.contains("currentColor") && !svg.contains("black"))
    #expect(svg.contains("a &apos;quoted&apos; name") || svg.contains("a 'quoted' name"))
    #expect(!svg.contains("GNUPLOT"))
    #expect(try svg == plot.svg())
  }

  @Test(
    "a long script is read whole, and a refusal names its line",
    .enabled(if: hasGnuplot, "gnuplot is not installed"))
  func script() throws {
    let points = (0..<40_000).map { "\($0) \($0 % 97)" }.joined(separator: "\n")
    let svg = try Gnuplot().svg("$d << EOD\n\(points)\nEOD\nplot $d\n", width: 100, height: 100)
    #expect(svg.contains("</svg>"))
    let error = #expect(throws: CarinaError.self) { try Gnuplot().svg("plot nonsense(\n", width: 100, height: 100) }
    #expect(error?.kind == .internalFailure && error?.what.contains("line 3") == true, "\(String(describing: error))")
  }

  @Test("the script that gnuplot reads has no name that a killed process could leave")
  func namelessScript() throws {
    let directory = try TemporaryDirectory(), program = directory.file("gnuplot")
    try AtomicFile.write("#!/bin/sh\necho \"<svg>$(readlink /proc/self/fd/0) $(cat)</svg>\"\n", to: program)
    chmod(program, 0o755)
    let shown = try Gnuplot(searchPath: directory.path + ":/usr/bin:/bin").svg("plot sin(x)\n", width: 10, height: 10)
    #expect(shown.contains("(deleted)") && shown.contains("plot sin(x)"), "\(shown)")
  }

  @Test("bars have a label for each group and their intervals", .enabled(if: hasGnuplot, "gnuplot is not installed"))
  func bars() throws {
    let svg = try BarPlot(
      groups: ["closed_accuracy", "open"],
      series: [
        .init("true", values: [MetricValue(value: 0.9, low: 0.8, high: 0.95, n: 9), nil]),
        .init("shuffled", values: [MetricValue(value: 0.5, n: 9), MetricValue(value: 0.1, n: 3)]),
      ]
    ).svg()
    for word in ["closed_accuracy", "open", "true", "shuffled"] { #expect(svg.contains(word), "\(word)") }
  }

  @Test("without gnuplot there is an error that says what to install")
  func noGnuplot() {
    let plot = LinePlot(xLabel: "", yLabel: "", series: [.init("", x: [1, 2], y: [1, 2])])
    let error = #expect(throws: CarinaError.self) { try plot.svg(gnuplot: Gnuplot(searchPath: "/nowhere")) }
    #expect(error?.kind == .missingInput)
    #expect(error?.remedy?.contains("gnuplot-nox") == true)
  }

  @Test("a drawing without a point is refused before gnuplot is asked")
  func empty() {
    #expect(throws: CarinaError.self) {
      try LinePlot(xLabel: "", yLabel: "y", series: [.init("", x: [1], y: [.nan])]).svg()
    }
    #expect(throws: CarinaError.self) { try BarPlot(groups: ["a"], series: [.init("s", values: [nil])]).svg() }
  }
}
