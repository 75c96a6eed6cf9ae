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

  @Test("of a very long text the beginning is shown, of a path all; an error stays within a page")
  func long() {
    let name = String(repeating: "n", count: 255), path = "/" + [name, name, name].joined(separator: "/") + "/x.json"
    #expect(DisplayedText.shortened(path, to: 4500) == path)
    #expect(
      DisplayedText.shortened("the key \"" + String(repeating: "k", count: 1_000_000) + "\" is unknown", to: 4500)
        == "the key \"" + String(repeating: "k", count: 299) + "… is unknown")
    #expect(DisplayedText.shortened(String(repeating: "ab ", count: 1000), to: 9) == "ab ab ab …")
    for text in [
      String(repeating: "x", count: 1_000_000), String(repeating: "12, ", count: 200_000),
      String(repeating: "\u{1B}\u{202E}", count: 500_000), String(repeating: "肺 \u{0} ", count: 200_000),
    ] {
      let error = CarinaError(
        .badData, "the key \"\(text)\" is unknown", at: "a.json", expected: text, found: text, remedy: "Look at it.")
      let shown = DisplayedText.of(error.description)
      #expect(shown.utf8.count < 20_000 && shown.hasPrefix("a.json: ") && shown.hasSuffix(" Look at it."))
    }
  }

  @Test("a text of several lines keeps its lines and tabs, and nothing else that acts")
  func lines() { #expect(DisplayedText.of("a\n\tb\r\u{1B}", keepingLines: true) == "a\n\tb\\r\\u{1B}") }
}
