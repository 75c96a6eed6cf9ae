import CarinaRuntime
import Foundation

/// A byte pair vocabulary that was learned, and its files in the structure of Gemma 3's.
package struct TrainedBytePairs: Equatable, Sendable {
  /// A rule: two pieces become one.
  package struct Merge: Equatable, Sendable {
    /// The piece before.
    public let left: String
    /// The piece behind.
    public let right: String
  }

  /// The spellings by id.
  package let pieces: [String]
  /// How many of the first pieces are special tokens.
  package let specialCount: Int
  /// The rules in order of precedence.
  package let merges: [Merge]

  /// The `tokenizer.json`.
  package var tokenizerFile: JSONValue {
    let addedTokens = (pieces[..<specialCount] + ["\n"]).enumerated().map { id, content -> JSONValue in
      [
        "id": .integer(id), "content": .string(content), "single_word": false, "lstrip": false, "rstrip": false,
        "normalized": false, "special": .bool(id < specialCount),
      ]
    }
    let begin = pieces.firstIndex(of: "<bos>") ?? 0
    let beginPart: JSONValue = ["SpecialToken": ["id": "<bos>", "type_id": 0]]
    let visibleSpace: JSONValue = ["type": "Replace", "pattern": ["String": "▁"], "content": " "]
    return [
      "version": "1.0", "truncation": nil, "padding": nil, "added_tokens": .array(addedTokens),
      "normalizer": ["type": "Replace", "pattern": ["String": " "], "content": "▁"],
      "pre_tokenizer": [
        "type": "Split", "pattern": ["String": " "], "behavior": "MergedWithPrevious", "invert": false,
      ],
      "post_processor": [
        "type": "TemplateProcessing",
        "single": [beginPart, ["Sequence": ["id": "A", "type_id": 0]]],
        "pair": [
          beginPart, ["Sequence": ["id": "A", "type_id": 0]],
          ["SpecialToken": ["id": "<bos>", "type_id": 1]], ["Sequence": ["id": "B", "type_id": 1]],
        ],
        "special_tokens": ["<bos>": ["id": "<bos>", "ids": [.integer(begin)], "tokens": ["<bos>"]]],
      ],
      "decoder": ["type": "Sequence", "decoders": [visibleSpace, ["type": "ByteFallback"], ["type": "Fuse"]]],
      "model": [
        "type": "BPE", "dropout": nil, "unk_token": "<unk>", "continuing_subword_prefix": nil,
        "end_of_word_suffix": nil, "fuse_unk": true, "byte_fallback": true, "ignore_merges": false,
        "vocab": .object(JSONObject(pieces.enumerated().map { ($1, .integer($0)) })),
        "merges": .array(merges.map { [.string($0.left), .string($0.right)] }),
      ],
    ]
  }

  /// The `tokenizer_config.json`.
  package var configurationFile: JSONValue {
    [
      "add_bos_token": true, "add_eos_token": false, "bos_token": "<bos>", "clean_up_tokenization_spaces": false,
      "eos_token": "<eos>", "pad_token": "<pad>", "padding_side": "left",
      "tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "<unk>",
    ]
  }

  /// The `special_tokens_map.json`.
  package var specialTokensFile: JSONValue {
    ["bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>", "unk_token": "<unk>"]
  }

  /// Writes the three files into a directory, which is created where needed.
  /// - Throws: `CarinaError.cannotWrite`.
  package func write(to directory: String) throws {
    let files = [
      ("tokenizer.json", tokenizerFile), ("tokenizer_config.json", configurationFile),
      ("special_tokens_map.json", specialTokensFile),
    ]
    for (name, value) in files {
      try AtomicFile.write(value.serialized(indented: true) + "\n", to: directory + "/" + name)
    }
  }
}
