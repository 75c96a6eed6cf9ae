import Foundation
import TestSupport
import Testing

import Carina

@Suite struct TokenizerFileErrorTests {
  private func file(
    model: String = #"{"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": [["a", "b"]]}"#,
    rest: String = #""normalizer": null, "decoder": {"type": "Fuse"}"#
  ) -> Data { Data(#"{"model": \#(model), \#(rest)}"#.utf8) }

  private func error(_ data: Data) -> CarinaError? {
    #expect(throws: CarinaError.self) { try BytePairTokenizer(json: data, source: "t.json") }
  }

  @Test("the smallest file works, with merges before the vocabulary as well")
  func smallest() throws {
    #expect(try BytePairTokenizer(json: file(), source: "t.json").encode("abba") == [2, 1, 0])
    let turned = #"{"merges": ["a b"], "vocab": {"a": 0, "b": 1, "ab": 2}, "type": "BPE"}"#
    #expect(try BytePairTokenizer(json: file(model: turned), source: "t.json").encode("abba") == [2, 1, 0])
  }

  @Test(
    "what is wrong in a tokenizer.json is named",
    arguments: [
      (#"{"type": "BPE", "vocab": {"a": 0, "b": 0}, "merges": []}"#, "the id 0 has two pieces"),
      (#"{"type": "BPE", "vocab": {"a": 0, "a": 1}, "merges": []}"#, "the piece \"a\" has two ids"),
      (#"{"type": "BPE", "vocab": {"a": -1}, "merges": []}"#, "the id of a piece is not usable"),
      (#"{"type": "BPE", "vocab": {"a": 99999999999}, "merges": []}"#, "the id of a piece is not usable"),
      (#"{"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": [["a", "b"]]}"#, "merge 0 names a piece"),
      (#"{"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": ["a c"]}"#, "merge 0 names a piece"),
      (#"{"type": "BPE", "vocab": {"a": 0}, "merges": ["ab"]}"#, "two pieces with one space"),
      (#"{"type": "BPE", "vocab": {"a": 0}, "merges": [["a"]]}"#, "a merge needs two pieces"),
      (#"{"type": "BPE", "vocab": {"a": 0}, "merges": [], "unk_token": "<unk>"}"#, "unk_token"),
      (#"{"type": "BPE", "vocab": {"a": 0}, "merges": [], "dropout": 0.1}"#, "dropout"),
      (#"{"type": "BPE", "vocab": {"a": 0}, "merges": [], "end_of_word_suffix": "</w>"}"#, "end_of_word_suffix"),
      (#"{"type": "BPE", "vocab": {"a": 0}, "merges": [], "novelty": 1}"#, "novelty"),
      (#"{"type": "BPE", "merges": []}"#, "vocab"),
      (#"{"type": "Unigram", "vocab": [["a", -1.5]]}"#, "\"Unigram\" is not supported"),
      (#"{"type": "WordPiece", "vocab": {"a": 0}}"#, "\"WordPiece\" is not supported"),
      ("7", "no \"model\" object"),
      (#"{"type": "BPE", "vocab": {"a": 0}, "merges": [], "byte_fallback": "yes"}"#, "model.byte_fallback"),
      (#"{"type": "BPE", "vocab": {"a": 0}, "merges": [], "fuse_unk": 1}"#, "model.fuse_unk"),
      (#"{"type": "BPE", "vocab": {"a": 0}, "merges": [], "unk_token": ["a"]}"#, "model.unk_token"),
      (#"{"type": "BPE", "vocab": {"a": 0}, "merges": [], "dropout": "0.1"}"#, "model.dropout"),
      (#"{"type": "BPE", "vocab": {"a": 0}, "merges": [], "end_of_word_suffix": 1}"#, "model.end_of_word_suffix"),
    ])
  func model(model: String, what: String) {
    let error = error(file(model: model))
    #expect(error?.kind == .badData)
    #expect(error?.what.contains(what) == true, "\(String(describing: error))")
    #expect(error?.location?.hasPrefix("t.json") == true)
  }

  @Test(
    "a step that is not supported is refused by its name",
    arguments: [
      (#""normalizer": {"type": "BertNormalizer"}, "decoder": {"type": "Fuse"}"#, "BertNormalizer"),
      (#""normalizer": {"type": "Sequence", "normalizers": [{"type": "Nmt"}]}, "decoder": {"type": "Fuse"}"#, "Nmt"),
      (
        #""normalizer": {"type": "Replace", "pattern": {"Regex": " +"}, "content": " "}, "decoder": {"type": "Fuse"}"#,
        "literal pattern"
      ),
      (
        #""normalizer": {"type": "Replace", "pattern": Infinity, "content": " "}, "decoder": {"type": "Fuse"}"#,
        "literal pattern"
      ),
      (#""pre_tokenizer": {"type": "Split", "pattern": NaN}, "decoder": {"type": "Fuse"}"#, "literal pattern"),
      (
        #""pre_tokenizer": {"type": "Split", "pattern": {"String": "x"}, "behavior": -Infinity}, "decoder": {"type": "Fuse"}"#,
        "behavior"
      ),
      (#""pre_tokenizer": {"type": "ByteLevel"}, "decoder": {"type": "Fuse"}"#, "ByteLevel"),
      (
        #""pre_tokenizer": {"type": "Split", "pattern": {"Regex": "x"}, "behavior": "Isolated"}, "decoder": {"type": "Fuse"}"#,
        "literal pattern"
      ),
      (#""decoder": {"type": "WordPiece"}"#, "WordPiece"), (#""decoder": null"#, "null"),
      (#""version": "1.0""#, "null"),
      (#""added_tokens": [{"id": 1, "content": "new"}], "decoder": {"type": "Fuse"}"#, "the id 1 has two pieces"),
      (#""added_tokens": [{"id": 9, "content": "a"}], "decoder": {"type": "Fuse"}"#, "two ids"),
      (#""added_tokens": [{"content": "a"}], "decoder": {"type": "Fuse"}"#, "added_tokens"),
      (#""added_tokens": "new", "decoder": {"type": "Fuse"}"#, "added_tokens"),
      (#""added_tokens": {"0": {"id": 9}}, "decoder": {"type": "Fuse"}"#, "added_tokens"),
      (
        #""added_tokens": [{"id": 9, "content": "n", "special": "true"}], "decoder": {"type": "Fuse"}"#,
        "added_tokens.0.special"
      ),
      (#""normalizer": {"type": "Sequence", "normalizers": "NFC"}, "decoder": {"type": "Fuse"}"#, "normalizers"),
      (#""normalizer": {"type": "Prepend", "prepend": 1}, "decoder": {"type": "Fuse"}"#, "normalizer.prepend"),
      (#""pre_tokenizer": {"type": "Sequence", "pretokenizers": 1}, "decoder": {"type": "Fuse"}"#, "pretokenizers"),
      (#""decoder": {"type": "Sequence", "decoders": "Fuse"}"#, "decoder.decoders"),
    ])
  func steps(rest: String, what: String) {
    let error = error(file(rest: rest))
    #expect(error?.kind == .badData)
    #expect(error?.what.contains(what) == true, "\(String(describing: error))")
  }

  @Test("a file cut off anywhere is refused", arguments: TextGolden.names)
  func truncated(name: String) throws {
    let directory = try TextGolden.path(name)
    let isJSON = FileManager.default.fileExists(atPath: directory + "/tokenizer.json")
    let data = try Data(
      contentsOf: URL(fileURLWithPath: directory + (isJSON ? "/tokenizer.json" : "/tokenizer.model")))
    for length in stride(from: 0, to: data.count - 1, by: 37) {
      let part = Data(data.prefix(length))
      let error = #expect(throws: CarinaError.self, "\(length)") {
        if isJSON {
          _ = try BytePairTokenizer(json: part, source: "t")
        } else {
          _ = try SentencePieceTokenizer(model: part, source: "t")
        }
      }
      #expect(error?.kind == .badData)
    }
  }

  @Test("a file with random damage is refused or works, but never crashes", arguments: TextGolden.names)
  func damaged(name: String) throws {
    let directory = try TextGolden.path(name)
    let isJSON = FileManager.default.fileExists(atPath: directory + "/tokenizer.json")
    let data = try Data(
      contentsOf: URL(fileURLWithPath: directory + (isJSON ? "/tokenizer.json" : "/tokenizer.model")))
    var generator = SeededGenerator(seed: 1, stream: name)
    let text = "There is a left pleural effusion.\n<bos> É ﬁ é 日本 😀 \u{3000} <sep>"
    for _ in 0..<150 {
      var bytes = [UInt8](data)
      for _ in 0...generator.integer(below: 3) {
        bytes[generator.integer(below: bytes.count)] = UInt8(truncatingIfNeeded: generator.next())
      }
      let tokenizer: (any Tokenizer)?
      do {
        tokenizer =
          isJSON
          ? try BytePairTokenizer(json: Data(bytes), source: "t")
          : try SentencePieceTokenizer(model: Data(bytes), source: "t")
      } catch let error as CarinaError {
        #expect(error.kind == .badData)
        tokenizer = nil
      }
      guard let tokenizer else { continue }
      let ids = tokenizer.encode(text)
      #expect(ids.allSatisfy { $0 >= 0 && $0 < tokenizer.vocabularySize })
      _ = tokenizer.decode(ids, skipSpecialTokens: true)
    }
  }

  @Test("a directory without a tokenizer is missing input, and an unusable file is named")
  func directories() throws {
    let directory = try TemporaryDirectory()
    let missing = #expect(throws: CarinaError.self) { try TokenizerFactory.load(directory: directory.path) }
    #expect(missing?.kind == .missingInput)
    #expect(missing?.location == directory.path)
    try AtomicFile.write("not JSON", to: directory.file("tokenizer.json"))
    let broken = #expect(throws: CarinaError.self) { try TokenizerFactory.load(directory: directory.path) }
    #expect(broken?.kind == .badData)
    #expect(broken?.location?.hasPrefix(directory.file("tokenizer.json")) == true)
  }

  @Test("tokenizer_config.json may rename the roles")
  func configuration() throws {
    let directory = try TemporaryDirectory()
    try AtomicFile.write(file(), to: directory.file("tokenizer.json"))
    try AtomicFile.write(
      #"{"bos_token": {"content": "ab"}, "eos_token": "b"}"#, to: directory.file("tokenizer_config.json"))
    let tokenizer = try TokenizerFactory.load(directory: directory.path)
    #expect(tokenizer.beginOfSequence == 2 && tokenizer.endOfSequence == 1 && tokenizer.padding == nil)
  }
}
