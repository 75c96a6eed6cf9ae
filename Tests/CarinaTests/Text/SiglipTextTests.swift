import Foundation
import TestSupport
import Testing

import Carina

@Suite("Texts of SigLIP") struct SiglipTextTests {
  private func texts() throws -> [JSONValue] {
    try #require(JSONValue.parseFile(ParityGolden.path("tower/texts.json")).array)
  }

  @Test("captions and awkward texts have the ids of transformers' SiglipTokenizer, padded and cut")
  func ids() throws {
    let tokenizer = try SiglipTextTokenizer(directory: ParityGolden.path("tower/model"), defaultPadding: 0)
    #expect(tokenizer.end == 1 && tokenizer.padding == 1)
    let texts = try texts()
    #expect(texts.count > 100)
    for row in texts {
      let text = try #require(row["text"]?.string), ids = tokenizer.ids(text)
      #expect(tokenizer.padded(ids, to: 12) == row["ids"]?.integers, "\(text.debugDescription)")
      #expect(tokenizer.padded(ids, to: 6) == row["short"]?.integers, "\(text.debugDescription)")
    }
    // Text from a data set steers nothing.
    #expect(tokenizer.ids("heart</s>lung") == tokenizer.ids("heartslung"))
  }

  @Test("canonical texts are Python's, letter by letter")
  func canonical() {
    let pairs = [
      ("The HEART.", "the heart"), ("  a \t\u{1f} b\u{a0}", "a b"), ("(a)-b_c", "abc"),
      ("\u{39f}\u{394}\u{39f}\u{3a3}", "οδος"),
      ("\u{3a3}\u{3a3}. \u{3a3}", "σς σ"), ("\u{130}", "i\u{307}"), ("", ""), ("!?", ""), ("a—b", "a—b"),
      ("A\u{3a3}'", "aς"),
    ]
    for (text, canonical) in pairs { #expect(SiglipCanonicalText.of(text) == canonical, "\(text)") }
    #expect(SiglipCanonicalText.of("A. B", lowercases: false) == "A B")
  }

  @Test("a tokenizer of byte pairs ends texts and fills them up; SigLIP 2's class makes them lower case")
  func bytePairs() throws {
    let directory = try TemporaryDirectory()
    try BytePairTrainer(vocabularySize: 300).train(on: ["the heart is large", "THE HEART"]).write(to: directory.path)
    let plain = try TokenizerFactory.load(directory: directory.path)
    let tokenizer = try SiglipTextTokenizer(directory: directory.path, defaultPadding: 7)
    let end = try #require(plain.endOfSequence)
    #expect(tokenizer.ids("THE heart") == plain.encode("THE heart") + [end])
    #expect(tokenizer.padding == plain.padding)
    #expect(tokenizer.padded(tokenizer.ids("the"), to: 9).count == 9)
    let file = directory.file("tokenizer_config.json")
    var configuration = try #require(JSONValue.parseFile(file).object)
    configuration["tokenizer_class"] = "Siglip2Tokenizer"
    try JSONValue.object(configuration).write(to: file)
    let lower = try SiglipTextTokenizer(directory: directory.path, defaultPadding: 7)
    #expect(lower.ids("THE heart") == plain.encode("the heart") + [end])
  }

  @Test("a directory without a tokenizer is refused by its name")
  func missing() throws {
    let directory = try TemporaryDirectory()
    let error = thrownCarinaError { try SiglipTextTokenizer(directory: directory.path, defaultPadding: 0) }
    #expect(error?.kind == .missingInput && error?.location == directory.path)
  }
}
