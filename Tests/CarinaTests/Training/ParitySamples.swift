import Foundation

import Carina

/// Samples given as texts, images and pixels in memory.
struct ParitySamples: TrainingSamples {
  var texts: [(question: String, answer: String)] = []
  var images: [Int] = []
  /// The images behind the first of each sample; empty where every sample has one.
  var further: [[Int]] = []
  var pixelRows: [[Float]] = []

  var count: Int { texts.count }
  func text(_ sample: Int) -> (question: String, answer: String) { texts[sample] }
  func images(of sample: Int) -> [Int] { [images[sample]] + (further.isEmpty ? [] : further[sample]) }
  func pixels(image: Int) -> [Float] { pixelRows[image] }
}

/// A vocabulary in which every token is one character, so that any ids can be written as a text.
enum CharacterVocabulary {
  private static func character(_ id: Int) -> String {
    UnicodeScalar(UInt32(0x4e00 + id)).map { String(Character($0)) } ?? "?"
  }

  /// The text that is tokenised into `ids`.
  static func text(_ ids: some Sequence<Int>) -> String { ids.map(character).joined() }

  /// A tokenizer for a decoder's ids.
  static func tokenizer(_ config: DecoderConfig) throws -> BytePairTokenizer {
    var vocabulary = JSONObject()
    for id in 0..<config.vocabularySize {
      switch id {
      case config.padToken: vocabulary["<pad>"] = .integer(id)
      case config.endTokens.first: vocabulary["<eos>"] = .integer(id)
      case config.beginToken: vocabulary["<bos>"] = .integer(id)
      default: vocabulary[character(id)] = .integer(id)
      }
    }
    let json: JSONValue = [
      "model": ["type": "BPE", "vocab": .object(vocabulary), "merges": []],
      "decoder": [
        "type": "Sequence",
        "decoders": [
          ["type": "Replace", "pattern": ["String": "▁"], "content": " "], ["type": "ByteFallback"], ["type": "Fuse"],
        ],
      ],
    ]
    return try BytePairTokenizer(json: Data(json.serialized().utf8), source: "one character a token")
  }
}
