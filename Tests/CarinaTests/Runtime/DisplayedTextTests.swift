import CarinaRuntime
import Testing

@Suite("Displayed texts") struct DisplayedTextTests {
  @Test("what would act on a terminal or turn its text is written out, ASCII only")
  func written() {
    for (text, shown) in [
      ("a\u{1B}[31mred\u{07}", "a\\u{1B}[31mred\\u{7}"), ("one\ntwo\r\n\tthree\0", "one\\ntwo\\r\\n\\tthree\\u{0}"),
      ("\u{9B}2J\u{7F}", "\\u{9B}2J\\u{7F}"), ("gpj.\u{202E}exe", "gpj.\\u{202E}exe"),
      ("\u{2066}a\u{2069}\u{200E}\u{200F}\u{61C}", "\\u{2066}a\\u{2069}\\u{200E}\\u{200F}\\u{61C}"),
      (
        "p\u{200B}q\u{200C}r\u{200D}s\u{2060}\u{FEFF}\u{AD}", "p\\u{200B}q\\u{200C}r\\u{200D}s\\u{2060}\\u{FEFF}\\u{AD}"
      ),
      ("x\u{2028}y\u{2029}z\u{FFFD}", "x\\u{2028}y\\u{2029}z\\u{FFFD}"), ("\u{E0041}\u{3164}", "\\u{E0041}\\u{3164}"),
    ] {
      #expect(DisplayedText.of(text) == shown)
      #expect(DisplayedText.of(text).unicodeScalars.allSatisfy { (0x20...0x7E).contains($0.value) })
    }
  }

  @Test(
    "letters of all scripts, accents and emoji stay as they are",
    arguments: [
      "Größe café cafe\u{301}", "胸部X線 폐렴 лёгкие", "هل القلب متضخم؟", "האם הלב מוגדל?", "👩‍⚕️ ❤️‍🩹 👍🏽 🇩🇪 🏴󠁧󠁢󠁥󠁮󠁧󠁿", "a\\nb\\u{1B}",
      "\u{0600}\u{0661}",
    ])
  func kept(text: String) { #expect(DisplayedText.of(text).unicodeScalars.elementsEqual(text.unicodeScalars)) }

  @Test("a text of several lines keeps its lines and tabs, and nothing else that acts")
  func lines() { #expect(DisplayedText.of("a\n\tb\r\u{1B}", keepingLines: true) == "a\n\tb\\r\\u{1B}") }
}
