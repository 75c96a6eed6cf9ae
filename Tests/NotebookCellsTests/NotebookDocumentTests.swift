import Foundation
import NotebookCells
import Testing

@Suite struct NotebookDocumentTests {
  @Test("the file is the one expected, byte for byte")
  func golden() throws {
    let notebook = NotebookDocument(
      cells: [
        Cell(kind: .markdown, source: "# Title\n\ntext", lines: 1...4),
        Cell(kind: .code, title: "one", source: "print(1)\nshow(html: \"<i>\")", lines: 5...7),
        Cell(kind: .code, source: "throw E()", lines: 8...9),
        Cell(kind: .code, source: "", lines: 10...10),
      ],
      outputs: [
        1: [.text("1\n"), .text("2"), .display(["text/html": "<i>\n</i>", "image/png": "AAAA"]), .text("3\n")],
        2: [.error(name: "Error", message: "E()")],
      ], firstUnreached: 3)
    let url = try #require(Bundle.module.url(forResource: "Goldens/notebook", withExtension: "ipynb"))
    #expect(String(decoding: try notebook.data(), as: UTF8.self) == (try String(contentsOf: url, encoding: .utf8)))
  }

  @Test("a table is text for one viewer and escaped HTML for the other")
  func table() {
    #expect(
      CellOutput.table([["a", "bb"], ["<1>", "&"]])
        == .display([
          "text/html": "<table><tr><th>a</th><th>bb</th></tr>\n<tr><td>&lt;1&gt;</td><td>&amp;</td></tr></table>",
          "text/plain": "a    bb\n<1>  & ",
        ]))
  }
}
