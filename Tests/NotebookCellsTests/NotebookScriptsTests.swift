import Foundation
import NotebookCells
import Testing

/// The scripts in `notebooks/`, read but not run.
@Suite struct NotebookScriptsTests {
  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  private static let scripts =
    ((try? FileManager.default.contentsOfDirectory(atPath: root.appendingPathComponent("notebooks").path)) ?? [])
    .filter { $0.hasSuffix(".swift") }.sorted()

  @Test("there is a first one") func first() { #expect(Self.scripts.first == "01-the-pipeline.swift") }

  @Test(
    "each begins with a heading and the start of the notebook, and every cell of Swift can be told apart",
    arguments: scripts)
  func cells(script: String) throws {
    let path = Self.root.appendingPathComponent("notebooks/\(script)").path
    let cells = try PercentScript(String(contentsOfFile: path, encoding: .utf8)).cells
    let heading = try #require(cells.first)
    #expect(heading.kind == .markdown && heading.source.hasPrefix("# "))
    let code = cells.filter { $0.kind == .code }
    #expect(try #require(code.first).source.contains("\nNotebook.begin()\n"))
    for cell in code.dropFirst() {
      // What nothing is heard of would put its output under an earlier cell.
      let speaks = ["Notebook.mark()", "show(", "print("].contains { call in
        cell.source.split(separator: "\n").contains { $0.hasPrefix(call) }
      }
      #expect(speaks, "\(script), the cell at line \(cell.lines.lowerBound)")
    }
    for cell in cells { #expect(!cell.source.isEmpty, "\(script), line \(cell.lines.lowerBound)") }
  }

  @Test("each is built as a program beside the tests", arguments: scripts)
  func isBuilt(script: String) {
    let program = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
      .appendingPathComponent("notebook-" + script.dropLast(".swift".count))
    #expect(FileManager.default.isExecutableFile(atPath: program.path))
  }
}
