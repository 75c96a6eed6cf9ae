import CarinaRuntime
import Foundation

/// A byte pair vocabulary that was learned, and its files in the structure of Gemma 3's.
package struct TrainedBytePairs: Equatable, Sendable {
  /// A rule: two pieces become one.
  package struct Merge: Equatable, Sendable {
    /// The piece before.
    package let left: String
    /// The piece behind.
    package let right: String
  }

  /// What reads the ids.
  package enum Reader: Equatable, Sendable {
    /// Texts begin with `<bos>`, and what fills them up comes before them.
    case decoder
    /// Of a SigLIP: texts end with `<eos>`, and what fills them up comes behind it.
    case textTower
  }

  /// Whose layout of texts the files describe; the ids of a text's pieces are the same.
  package var reader = Reader.decoder

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
    let visibleSpace: JSONValue = ["type": "Replace", "pattern": ["String": "▁"], "content": " "]
    return [
      "version": "1.0", "truncation": nil, "padding": nil, "added_tokens": .array(addedTokens),
      "normalizer": ["type": "Replace", "pattern": ["String": " "], "content": "▁"],
      "pre_tokenizer": [
        "type": "Split", "pattern": ["String": " "], "behavior": "MergedWithPrevious", "invert": false,
      ],
      "post_processor": template,
      "decoder": ["type": "Sequence", "decoders": [visibleSpace, ["type": "ByteFallback"], ["type": "Fuse"]]],
      "model": [
        "type": "BPE", "dropout": nil, "unk_token": "<unk>", "continuing_subword_prefix": nil,
        "end_of_word_suffix": nil, "fuse_unk": true, "byte_fallback": true, "ignore_merges": false,
        "vocab": .object(JSONObject(pieces.enumerated().map { ($1, .integer($0)) })),
        "merges": .array(merges.map { [.string($0.left), .string($0.right)] }),
      ],
    ]
  }

  /// What is put before or behind one text, and two.
  private var template: JSONValue {
    let name = reader == .decoder ? "<bos>" : "<eos>"
    func parts(_ text: String, _ type: Int) -> [JSONValue] {
      let special: JSONValue = ["SpecialToken": ["id": .string(name), "type_id": .integer(type)]]
      let sequence: JSONValue = ["Sequence": ["id": .string(text), "type_id": .integer(type)]]
      return reader == .decoder ? [special, sequence] : [sequence, special]
    }
    let token: JSONValue = [
      "id": .string(name), "ids": [.integer(pieces.firstIndex(of: name) ?? 0)], "tokens": [.string(name)],
    ]
    return [
      "type": "TemplateProcessing", "single": .array(parts("A", 0)), "pair": .array(parts("A", 0) + parts("B", 1)),
      "special_tokens": .object(JSONObject([(name, token)])),
    ]
  }

  /// The `tokenizer_config.json`.
  package var configurationFile: JSONValue {
    [
      "add_bos_token": .bool(reader == .decoder), "add_eos_token": .bool(reader == .textTower), "bos_token": "<bos>",
      "clean_up_tokenization_spaces": false, "eos_token": "<eos>", "pad_token": "<pad>",
      "padding_side": reader == .decoder ? "left" : "right", "tokenizer_class": "PreTrainedTokenizerFast",
      "unk_token": "<unk>",
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
