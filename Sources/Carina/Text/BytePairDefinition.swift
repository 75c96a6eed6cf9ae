import Foundation

/// What a `tokenizer.json` with a BPE model says, read straight from its bytes into tables.
struct BytePairDefinition: Sendable {
  var pieces = PieceTable()
  var merges = BytePairMerges()
  var addedTokens: [AddedToken] = []
  var normalizer: TextNormalizer
  var preTokenizer: PreTokenizer
  var decoder: PieceDecoder
  var unknown: Int?
  var fusesUnknown: Bool
  var fallsBackToBytes: Bool
  var ignoresMerges: Bool

  /// Reads the file's bytes; `source` names it in errors.
  /// - Throws: `CarinaError.badData` for broken JSON and, by name, for whatever is not supported.
  init(_ data: Data, source: String) throws {
    let parts = try data.withUnsafeBytes { try BytePairFileReader.read($0, source: source) }
    let settings = parts.settings
    let model = parts.modelSettings
    pieces = parts.pieces
    merges = parts.merges
    try BytePairDefinition.checkModel(model, source: source)
    normalizer = try TextNormalizer(settings["normalizer"], source: source)
    preTokenizer = try PreTokenizer(settings["pre_tokenizer"], source: source)
    decoder = try PieceDecoder(settings["decoder"], source: source)
    fusesUnknown = model["fuse_unk"]?.bool ?? false
    fallsBackToBytes = model["byte_fallback"]?.bool ?? false
    ignoresMerges = model["ignore_merges"]?.bool ?? false
    if let name = model["unk_token"]?.string {
      guard let id = pieces.id(of: name) else {
        throw CarinaError(.badData, "unk_token \"\(name)\" is not in the vocabulary", at: source)
      }
      unknown = id
    }
    for entry in settings["added_tokens"]?.array ?? [] {
      try add(AddedToken(entry, source: source), source: source)
    }
  }

  private mutating func add(_ token: AddedToken, source: String) throws {
    if let known = pieces.id(of: token.content) {
      guard known == token.id else {
        throw CarinaError(
          .badData, "the added token \"\(token.content)\" has two ids", at: source,
          expected: "\(known) as in the vocabulary", found: "\(token.id)")
      }
    } else if let conflict = pieces.insert(token.content, id: token.id) {
      throw BytePairFileReader.error(conflict, piece: token.content, id: token.id, source: source)
    }
    addedTokens.append(token)
  }

  private static let knownModelKeys: Set<String> = [
    "type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk", "byte_fallback",
    "ignore_merges",
  ]

  private static func checkModel(_ model: JSONObject, source: String) throws {
    let type = model["type"]?.string ?? "without a type"
    guard type == "BPE" else {
      throw CarinaError(
        .badData, "the tokenizer model \"\(type)\" is not supported in tokenizer.json", at: source, expected: "BPE",
        remedy: "A SentencePiece tokenizer.model of the same checkpoint can be used in its place.")
    }
    if let key = model.keys.first(where: { !knownModelKeys.contains($0) }) {
      throw CarinaError(.badData, "the model key \"\(key)\" is not known", at: source)
    }
    for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
      if let text = model[key]?.string, !text.isEmpty {
        throw CarinaError(.badData, "the model key \"\(key)\" is not supported", at: source, found: "\"\(text)\"")
      }
    }
    if let dropout = model["dropout"]?.double, dropout != 0 {
      throw CarinaError(
        .badData, "merge dropout is not supported: it makes ids random", at: source, expected: "\"dropout\": null",
        found: "\(dropout)")
    }
  }
}
