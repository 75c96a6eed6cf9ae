import Foundation
import TestSupport
import Testing

import Carina

@Suite struct BytePairTrainerTests {
  private func corpus() throws -> [String] {
    try #require(JSONValue.parseFile(TextGolden.path("trained") + "/corpus.json").array).compactMap(\.string)
  }

  @Test("the file of a trained vocabulary is the reference's, name for name")
  func sameFile() throws {
    let trained = try BytePairTrainer(vocabularySize: 480).train(on: corpus())
    let golden = try JSONValue.parseFile(TextGolden.path("trained") + "/tokenizer.json")
    #expect(trained.tokenizerFile["model"]?["merges"] == golden["model"]?["merges"])
    #expect(trained.tokenizerFile["model"]?["vocab"] == golden["model"]?["vocab"])
    #expect(trained.tokenizerFile == golden)
  }

  @Test("for a text tower texts end with <eos> and are filled up behind; the pieces have the same ids")
  func textTower() throws {
    var trained = try BytePairTrainer(vocabularySize: 480).train(on: corpus())
    let decoder = trained
    trained.reader = .textTower
    #expect(trained.tokenizerFile["model"] == decoder.tokenizerFile["model"])
    let template = trained.tokenizerFile["post_processor"]
    #expect(template?["single"]?.array?.last?["SpecialToken"]?["id"]?.string == "<eos>")
    #expect(template?["special_tokens"]?["<eos>"]?["ids"]?.array?.first?.int == 1)
    #expect(trained.configurationFile["padding_side"]?.string == "right")
    let directory = try TemporaryDirectory()
    try trained.write(to: directory.path)
    let text = "no acute disease", tower = try SiglipTextTokenizer(directory: directory.path, defaultPadding: 9)
    let ids = try decoder.makeTokenizer().encode(text, recognizingSpecialTokens: false)
    #expect(tower.ids(text) == ids + [1] && tower.padding == 0)
  }

  @Test("written files open again with the same ids, and training again gives the same bytes")
  func roundTrip() throws {
    let trainer = try BytePairTrainer(vocabularySize: 480)
    let golden = try TextGolden("trained")
    let directory = try TemporaryDirectory()
    try trainer.train(on: corpus()).write(to: directory.file("a"))
    try trainer.train(on: corpus()).write(to: directory.file("b"))
    for name in ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"] {
      let first = try Data(contentsOf: URL(fileURLWithPath: directory.file("a/" + name)))
      #expect(try first == Data(contentsOf: URL(fileURLWithPath: directory.file("b/" + name))))
    }
    let tokenizer = try TokenizerFactory.load(directory: directory.file("a"))
    for vector in golden.vectors { #expect(tokenizer.encode(vector.text) == vector.ids) }
  }

  @Test("ids have Gemma's order: special tokens, line break, bytes, characters")
  func layout() throws {
    let trained = try BytePairTrainer(vocabularySize: 300, additionalSpecialTokens: ["<image>"]).train(on: ["a b a b"])
    #expect(
      Array(trained.pieces[..<9]) == [
        "<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>", "<image>", "\n", "<0x00>",
      ])
    #expect(trained.pieces[263] == "<0xFF>")
    #expect(trained.pieces[264...] == ["a", "b", "▁", "▁b"])
    let tokenizer = try trained.makeTokenizer()
    #expect(tokenizer.encode("a b<image>").map { tokenizer.piece(of: $0) } == ["a", "▁b", "<image>"])
    #expect(tokenizer.beginOfSequence == 2 && tokenizer.endOfTurn == 5)
  }

  @Test("every text comes back, whatever was in the training texts")
  func anyText() throws {
    let tokenizer = try BytePairTrainer(vocabularySize: 270).train(on: []).makeTokenizer()
    for text in ["", " ", "a", "日本 😀\n\n\t x  y ", "\0<bos>"] {
      let ids = tokenizer.encode(text, recognizingSpecialTokens: false)
      #expect(sameBytes(tokenizer.decode(ids, skipSpecialTokens: false), text))
    }
  }

  @Test("a size without room and repeated special tokens are refused")
  func refused() {
    for size in [0, 263, -5] {
      let error = #expect(throws: CarinaError.self) { try BytePairTrainer(vocabularySize: size) }
      #expect(error?.kind == .usage)
    }
    #expect(throws: CarinaError.self) {
      try BytePairTrainer(vocabularySize: 400, additionalSpecialTokens: ["<bos>"])
    }
  }

  @Test("characters beyond the size are spelled in bytes, the frequent ones kept")
  func fewCharacters() throws {
    let trained = try BytePairTrainer(vocabularySize: 266).train(on: ["aaa bb c"])
    #expect(trained.pieces[263...] == ["a", "b", "▁"])
    #expect(trained.merges.isEmpty)
    let tokenizer = try trained.makeTokenizer()
    #expect(tokenizer.encode("abc").map { tokenizer.piece(of: $0) } == ["a", "b", "<0x63>"])
  }
}
