import Foundation
import Testing

import Carina

/// The reference tokenizers' answers on the files beside the project, where they are there.
@Suite struct SharedVectorTests {
  /// `CARINA_SHARED`, or `shared` beside the project.
  static let directory =
    (ProcessInfo.processInfo.environment["CARINA_SHARED"]
      ?? URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../../../shared")
      .standardizedFileURL.path) + "/data/tokenizers"

  @Test(
    "every shared string encodes and decodes as the reference does",
    .enabled(if: FileManager.default.fileExists(atPath: directory), "the shared tokenizers are not beside the project"),
    arguments: ["gemma-like", "gemma-like-spm", "siglip-like-spm"])
  func vectors(name: String) throws {
    let tokenizer = try TokenizerFactory.load(directory: "\(Self.directory)/\(name)")
    let file = try JSONValue.parseFile("\(Self.directory)/\(name)/vectors.json")
    let vectors = try #require(file["vectors"]?.array)
    #expect(vectors.count > 50)
    for vector in vectors {
      let text = try #require(vector["text"]?.string)
      let ids = try #require(vector["ids"]?.array).compactMap(\.int)
      #expect(tokenizer.encode(text) == ids, "\(text)")
      let decoded = try #require(vector["decoded"]?.string)
      #expect(Array(tokenizer.decode(ids, skipSpecialTokens: false).utf8) == Array(decoded.utf8), "\(text)")
    }
    if let begin = file["bos"]?.int { #expect(tokenizer.beginOfSequence == (begin < 0 ? nil : begin)) }
    if let end = file["eos"]?.int { #expect(tokenizer.endOfSequence == end) }
    if let padding = file["pad"]?.int { #expect(tokenizer.padding == padding) }
    if let unknown = file["unk"]?.int { #expect(tokenizer.unknown == unknown) }
    if let pieces = file["pieces"]?.int { #expect(tokenizer.vocabularySize == pieces) }
  }
}
