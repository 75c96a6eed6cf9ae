import Foundation
import Testing

import Carina

/// A tokenizer with the answers that the reference library gave; written by `Tests/Reference/make_tokenizer_goldens.py`.
struct TextGolden {
  let directory: String
  let tokenizer: any Tokenizer
  let vectors: [(text: String, ids: [Int], decoded: String)]
  /// Decodings of rows of ids that no text gives, broken UTF-8 among them.
  let decodings: [(ids: [Int], decoded: String, skipping: String?)]

  static let names = [
    "bpe-gemma", "bpe-variants", "spm-bpe", "spm-bpe-prefixed", "spm-unigram", "spm-unigram-bytes", "trained",
  ]

  /// The directory of a golden.
  static func path(_ name: String) throws -> String {
    try #require(Bundle.module.url(forResource: "Goldens/text/\(name)", withExtension: nil)).path
  }

  init(_ name: String) throws {
    directory = try Self.path(name)
    tokenizer = try TokenizerFactory.load(directory: directory)
    let file = try JSONValue.parseFile(directory + "/vectors.json")
    func ids(_ value: JSONValue) throws -> [Int] { try #require(value["ids"]?.array).compactMap(\.int) }
    vectors = try #require(file["vectors"]?.array).map {
      (try #require($0["text"]?.string), try ids($0), try #require($0["decoded"]?.string))
    }
    decodings = try #require(file["decodings"]?.array).map {
      (try ids($0), try #require($0["decoded"]?.string), $0["skipping"]?.string)
    }
  }
}

/// Compares texts byte by byte: `==` on `String` would let a wrong Unicode composition pass.
func sameBytes(_ left: String, _ right: String) -> Bool { left.utf8.elementsEqual(right.utf8) }
