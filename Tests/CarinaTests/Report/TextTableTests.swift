import Carina
import Testing

@Suite struct TextTableTests {
  @Test("columns are as wide as their widest cell, numbers to the right, no trailing spaces")
  func alignment() {
    let table = TextTable(
      ["metric", "value"], alignments: [.left, .right], rows: [["naïve", "1"], ["x", "12.345"], ["肺", ""]])
    #expect(
      table.text == """
        metric   value
        ──────  ──────
        naïve        1
        x       12.345
        肺

        """)
  }
}
