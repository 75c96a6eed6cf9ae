import Testing

import Carina

@Suite struct TokenizerGoldenTests {
  @Test("random Unicode encodes to the ids of the reference", arguments: TextGolden.names)
  func encode(name: String) throws {
    let golden = try TextGolden(name)
    #expect(golden.vectors.count == 300)
    for vector in golden.vectors {
      #expect(golden.tokenizer.encode(vector.text) == vector.ids, "\(vector.text.debugDescription)")
    }
  }

  @Test("ids decode to the text of the reference, byte by byte", arguments: TextGolden.names)
  func decode(name: String) throws {
    let golden = try TextGolden(name)
    #expect(golden.decodings.count >= 30)
    for vector in golden.vectors {
      #expect(sameBytes(golden.tokenizer.decode(vector.ids, skipSpecialTokens: false), vector.decoded), "\(vector.ids)")
    }
    for row in golden.decodings {
      #expect(sameBytes(golden.tokenizer.decode(row.ids, skipSpecialTokens: false), row.decoded), "\(row.ids)")
      if let skipping = row.skipping {
        #expect(sameBytes(golden.tokenizer.decode(row.ids, skipSpecialTokens: true), skipping), "\(row.ids)")
      }
    }
  }

  @Test("every piece can be looked up by its id and its id by the piece", arguments: TextGolden.names)
  func lookup(name: String) throws {
    let tokenizer = try TextGolden(name).tokenizer
    for id in 0..<tokenizer.vocabularySize {
      let piece = try #require(tokenizer.piece(of: id))
      #expect(tokenizer.id(of: piece) == id)
    }
    #expect(tokenizer.piece(of: tokenizer.vocabularySize) == nil)
    #expect(tokenizer.piece(of: -1) == nil)
    #expect(tokenizer.id(of: "no such piece") == nil)
    #expect(tokenizer.decode([-1, tokenizer.vocabularySize, .max], skipSpecialTokens: false).isEmpty)
  }

  @Test("roles are found by the names of their pieces, or by the settings of a SentencePiece file")
  func roles() throws {
    let gemma = try TextGolden("bpe-gemma").tokenizer
    #expect(
      [gemma.padding, gemma.endOfSequence, gemma.beginOfSequence, gemma.unknown, gemma.startOfTurn, gemma.endOfTurn]
        == [0, 1, 2, 3, 4, 5])
    let pieces = try TextGolden("spm-bpe").tokenizer
    #expect(pieces.beginOfSequence == 2 && pieces.endOfSequence == 1 && pieces.padding == 0 && pieces.unknown == 3)
    #expect(pieces.endOfTurn == pieces.id(of: "<end_of_turn>"))
    let unigram = try TextGolden("spm-unigram").tokenizer
    #expect(unigram.beginOfSequence == nil && unigram.startOfTurn == nil && unigram.unknown == 2)
  }
}
