import NotebookCells
import Testing

@Suite struct PercentScriptTests {
  @Test("markers divide a program into text and code, with lines and titles")
  func division() throws {
    let script = try PercentScript(
      """

      // %% [markdown] intro
      // # Title
      //
      // Text with `// %%` in it.

      // %%
      let a = 1  // %% no marker here

        let b = 2

      // %% Named cell
      //%% neither
      // %%
      // %% [markdown]

      """)
    #expect(
      script.cells == [
        Cell(kind: .markdown, title: "intro", source: "# Title\n\nText with `// %%` in it.", lines: 2...6),
        Cell(kind: .code, source: "let a = 1  // %% no marker here\n\n  let b = 2", lines: 7...11),
        Cell(kind: .code, title: "Named cell", source: "//%% neither", lines: 12...13),
        Cell(kind: .code, source: "", lines: 14...14),
        Cell(kind: .markdown, source: "", lines: 15...16),
      ])
    #expect([1, 2, 6, 7, 13, 14, 16, 17].map { script.cell(atLine: $0) } == [nil, 0, 0, 1, 2, 3, 4, nil])
  }

  @Test("code before the first marker is a cell, and line ends of Windows are no part of it")
  func header() throws {
    let script = try PercentScript("import A\r\n\r\n// %% [markdown]\r\n// Text\r\n")
    #expect(script.cells.map(\.source) == ["import A", "Text"])
    #expect(script.cells.map(\.kind) == [.code, .markdown])
  }

  @Test("code in a cell of text is refused with its line")
  func hiddenCode() {
    let failure = #expect(throws: PercentScript.Failure.self) {
      try PercentScript("// %% [markdown]\n// Text\nlet hidden = 1\n")
    }
    #expect(failure?.line == 3)
  }
}
