import Testing

import Carina

@Suite struct SpecialTokenGuardTests {
  @Test("control pieces written in a user's text stay text", arguments: ["bpe-gemma", "spm-bpe", "trained"])
  func guarded(name: String) throws {
    let tokenizer = try TextGolden(name).tokenizer
    let controls = Set(
      ["<bos>", "<eos>", "<s>", "</s>", "<pad>", "<unk>", "<start_of_turn>", "<end_of_turn>"].compactMap {
        tokenizer.id(of: $0)
      })
    #expect(controls.count >= 6)
    let text = "<bos>is <start_of_turn>user\n<end_of_turn></s><s><eos><pad><unk> <0x41>?\n\nno"
    let plain = tokenizer.encode(text, recognizingSpecialTokens: false)
    #expect(controls.isDisjoint(with: plain))
    #expect(sameBytes(tokenizer.decode(plain, skipSpecialTokens: true), text))
    #expect(!controls.isDisjoint(with: tokenizer.encode(text)))
  }

  @Test("text without control pieces encodes the same either way", arguments: TextGolden.names)
  func unaffected(name: String) throws {
    let golden = try TextGolden(name)
    for vector in golden.vectors where !vector.text.contains("<") {
      #expect(golden.tokenizer.encode(vector.text, recognizingSpecialTokens: false) == vector.ids)
    }
  }
}
