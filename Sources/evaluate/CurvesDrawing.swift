import Carina
import CommandOptions
import Foundation

/// Drawing the curves of training runs from their logs.
struct CurvesDrawing {
  /// Directories of runs, and where the drawings go.
  let runs: [String], outputDirectory: String

  func run() throws {
    var curves: [RunCurves] = [], seen: Set<String> = []
    for directory in runs {
      let parts = directory.split(separator: "/").map(String.init)
      // As few of the last names as tell the runs apart.
      let names = (1...max(1, parts.count)).map { parts.suffix($0).joined(separator: "-") }
      let name = names.first { !seen.contains($0) } ?? directory
      guard seen.insert(name).inserted else {
        throw CarinaError(.usage, "--curves names a run twice", found: directory)
      }
      curves.append(try RunCurves.read(directory: directory, name: name.isEmpty ? "run" : name))
    }
    let written = try CurvesPage(curves).write(to: outputDirectory)
    printLine("Written to \(outputDirectory): \(written.joined(separator: ", "))")
  }
}
