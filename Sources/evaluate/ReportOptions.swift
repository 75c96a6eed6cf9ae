import ArgumentParser
import Carina
import Foundation

/// What goes into the report besides the scores.
struct ReportOptions: ParsableArguments {
  @Option(help: "Heading of the report.") var title: String?
  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("Training logs whose loss curves are shown, each with a name.", valueName: "name=file"))
  var trainLogs: [String] = []
  @Option(help: ArgumentHelp("What the scores must reach; the program fails when they do not.", valueName: "file"))
  var expected: String?

  /// The loss curves and the commands that made them.
  func training() throws -> (curves: [LossCurve], runs: [ReportPage.Run]) {
    var curves: [LossCurve] = [], runs: [ReportPage.Run] = []
    for entry in trainLogs {
      let parts = entry.split(separator: "=", maxSplits: 1).map(String.init)
      guard parts.count == 2 else {
        throw CarinaError(.usage, "--train-logs cannot be used", expected: "NAME=FILE", found: entry)
      }
      curves.append(try LossCurve.read(parts[1], name: parts[0]))
      let directory = FileName.directory(of: parts[1])
      let record = (directory.isEmpty ? "" : directory + "/") + "run.json"
      if FileManager.default.fileExists(atPath: record) {
        runs.append(ReportOptions.run(parts[0], try JSONValue.parseFile(record)))
      }
    }
    return (curves, runs)
  }

  /// The expectations, if there are any.
  func expectations() throws -> ExpectedResults? { try expected.map(ExpectedResults.read) }

  /// Prints the verdict and fails when it is a bad one.
  /// - Throws: `CarinaError.badData`.
  func judge(_ outcomes: [ExpectedResults.Outcome]) throws {
    guard let expected else { return }
    print("\n" + EvaluationReportTable.verdict(outcomes), terminator: "")
    let failures = outcomes.filter { !$0.holds }
    guard failures.isEmpty else {
      throw CarinaError(
        .badData, "the scores are not what they must be: \(failures.map(\.name).joined(separator: ", "))",
        at: expected, remedy: "Everything was written all the same; report.html shows the comparison.")
    }
  }

  /// This program's own entry among the report's runs.
  static var ownRun: ReportPage.Run {
    .init(title: "evaluate", command: (["evaluate"] + CommandLine.arguments.dropFirst()).joined(separator: " "))
  }

  private static func run(_ title: String, _ record: JSONValue) -> ReportPage.Run {
    let words = record["environment"]?["command"]?.array?.compactMap(\.string) ?? []
    let command = words.enumerated().map { $0.offset == 0 ? ($0.element as NSString).lastPathComponent : $0.element }
    var options: [ReportPage.Fact] = []
    for section in ["configuration", "environment"] {
      for (name, value) in record[section]?.object ?? JSONObject() where name != "command" {
        options.append(.init(name, value.string ?? value.shown))
      }
    }
    return .init(title: title, command: command.joined(separator: " "), options: options)
  }
}
