import Foundation
import TestSupport
import Testing

/// Runs the script in `Tests/NotebookFixture` and reads the notebook that it writes about itself.
@Suite struct NotebookRunTests {
  private struct Outcome {
    let status: Int32
    let printed: String
    let cells: [[String: Any]]

    func outputs(_ index: Int) -> [[String: Any]] { cells[index]["outputs"] as? [[String: Any]] ?? [] }
    func text(_ output: [String: Any]) -> String { (output["text"] as? [String] ?? []).joined() }
  }

  private func run(_ arguments: String...) throws -> Outcome {
    let directory = try TemporaryDirectory()
    let fixture = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
      .appendingPathComponent("notebook-fixture")
    let process = Process()
    process.executableURL = fixture
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(
      ["NOTEBOOK_FIXTURE_OUTPUT": directory.file("out/two.ipynb")]) { $1 }
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    let printed = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    let data = try Data(contentsOf: URL(fileURLWithPath: directory.file("out/two.ipynb")))
    let json = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    return Outcome(
      status: process.terminationStatus, printed: String(decoding: printed, as: UTF8.self),
      cells: try #require(json["cells"] as? [[String: Any]]))
  }

  @Test("what a cell prints and shows stands under that cell, also when an earlier function did it")
  func outputs() throws {
    let run = try run()
    #expect(run.status == 0)
    #expect(run.printed == "2+and+2\nhelped: 4\nhelped: 5\nstill the same cell\nlast\n")
    #expect(run.cells.count == 6)
    #expect(run.outputs(2).map(run.text) == ["2+and+2\nhelped: 4\n"])
    let third = run.outputs(3)
    #expect(third.map { $0["output_type"] as? String } == ["stream", "display_data", "display_data", "stream"])
    #expect(third.map(run.text) == ["helped: 5\n", "", "", "still the same cell\n"])
    let image = third[2]["data"] as? [String: Any]
    #expect(image?["image/png"] as? String == "iVBORw==")
    #expect(run.outputs(4).count == 2)
    #expect(run.outputs(4).last.map(run.text) == "last\n")
    #expect(run.cells.compactMap { $0["execution_count"] as? Int } == [1, 2, 3, 4, 5])
  }

  @Test(
    "an error, a crash and an early end are in the notebook, and the program fails",
    arguments: [
      ("fail", "Error", "Refusal()"), ("crash", "Fatal error", "asked to crash"), ("leave", "Exit status 3", ""),
    ])
  func failures(argument: String, name: String, message: String) throws {
    let run = try run(argument)
    #expect(run.status == (argument == "leave" ? 3 : 70))
    let error = try #require(run.outputs(4).last)
    #expect(error["output_type"] as? String == "error")
    #expect(error["ename"] as? String == name)
    #expect((error["evalue"] as? String ?? "").hasSuffix(message))
    #expect(run.cells.compactMap { $0["execution_count"] as? Int } == [1, 2, 3, 4])
  }
}
