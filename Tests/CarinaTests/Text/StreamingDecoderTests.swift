import Testing

import Carina

@Suite struct StreamingDecoderTests {
  @Test("the parts of a stream join to the decoded text", arguments: TextGolden.names)
  func parts(name: String) throws {
    let golden = try TextGolden(name)
    for vector in golden.vectors {
      let decoder = StreamingDecoder(tokenizer: golden.tokenizer, skipSpecialTokens: false)
      let parts = vector.ids.map { decoder.append($0) } + [decoder.finish()]
      #expect(sameBytes(parts.joined(), vector.decoded), "\(vector.text.debugDescription)")
    }
  }

  @Test("a character of several byte pieces appears with its last byte")
  func bytes() throws {
    let tokenizer = try TextGolden("bpe-gemma").tokenizer
    let ids = tokenizer.encode("a😀é")
    let bytes = try "😀é".utf8.map { try #require(tokenizer.id(of: "<0x\(String($0, radix: 16, uppercase: true))>")) }
    let letter = try #require(tokenizer.id(of: "a"))
    let knowsAccent = tokenizer.id(of: "é") != nil
    let row = [letter] + bytes
    if !knowsAccent { #expect(ids == row) }
    let decoder = StreamingDecoder(tokenizer: tokenizer)
    #expect(row.map { decoder.append($0) } == ["a", "", "", "", "😀", "", "é"])
    #expect(decoder.finish().isEmpty)
  }

  @Test("an unfinished or malformed character becomes U+FFFD, once for each byte")
  func malformed() throws {
    let tokenizer = try TextGolden("bpe-gemma").tokenizer
    func byte(_ name: String) throws -> Int { try #require(tokenizer.id(of: "<0x\(name)>")) }
    let decoder = StreamingDecoder(tokenizer: tokenizer)
    #expect(decoder.append(try byte("F0")).isEmpty)
    #expect(decoder.append(try byte("9F")).isEmpty)
    #expect(decoder.append(try #require(tokenizer.id(of: "a"))) == "\u{FFFD}\u{FFFD}a")
    #expect(decoder.append(try byte("FF")) == "\u{FFFD}")
    #expect(decoder.append(try byte("C3")).isEmpty)
    #expect(decoder.finish() == "\u{FFFD}")
    #expect(decoder.append(try #require(tokenizer.id(of: "▁"))) == " ")
  }

  @Test("special tokens are left out of a stream unless asked for")
  func special() throws {
    let tokenizer = try TextGolden("bpe-gemma").tokenizer
    let ids = tokenizer.encode("<bos>a<end_of_turn>")
    let quiet = StreamingDecoder(tokenizer: tokenizer)
    #expect(ids.map { quiet.append($0) }.joined() == "a")
    let loud = StreamingDecoder(tokenizer: tokenizer, skipSpecialTokens: false)
    #expect(ids.map { loud.append($0) }.joined() == "<bos>a<end_of_turn>")
  }
}
