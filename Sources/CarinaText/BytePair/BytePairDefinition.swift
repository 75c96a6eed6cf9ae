import CarinaRuntime
import Foundation

/// What a `tokenizer.json` with a BPE model says, read straight from its bytes into tables.
struct BytePairDefinition: Sendable {
  /// The model's vocabulary.
  var pieces = PieceTable()
  /// Added tokens that the model's vocabulary does not have: found in the text, never made by the model.
  var addedPieces = PieceTable()
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
    try PieceLimits.check(data.count, source: source)
    let parts = try data.withUnsafeBytes { try BytePairFileReader.read($0, source: source) }
    let settings = parts.settings
    let model = parts.modelSettings
    pieces = parts.pieces
    merges = parts.merges
    try BytePairDefinition.checkModel(model, source: source)
    normalizer = try TextNormalizer(settings["normalizer"], source: source)
    preTokenizer = try PreTokenizer(settings["pre_tokenizer"], source: source)
    decoder = try PieceDecoder(settings["decoder"], source: source)
    let node = JSONNode(.object(model), source: source, keys: ["model"], wording: .configuration)
    fusesUnknown = try node["fuse_unk"].optional?.flag() ?? false
    fallsBackToBytes = try node["byte_fallback"].optional?.flag() ?? false
    ignoresMerges = try node["ignore_merges"].optional?.flag() ?? false
    if let name = try node["unk_token"].optional?.text() {
      guard let id = pieces.id(of: name) else {
        throw CarinaError(.badData, "unk_token \"\(name)\" is not in the vocabulary", at: source)
      }
      unknown = id
    }
    let added = JSONNode(.object(settings), source: source, wording: .configuration)["added_tokens"]
    for entry in try added.optional?.elements() ?? [] { try add(AddedToken(entry), source: source) }
  }

  /// The bytes of the spelling of an id, in the vocabulary or added.
  func bytes(of id: Int) -> ArraySlice<UInt8>? { pieces.bytes(of: id) ?? addedPieces.bytes(of: id) }

  /// The id of a piece, in the vocabulary or added.
  func id(of piece: String) -> Int? { pieces.id(of: piece) ?? addedPieces.id(of: piece) }

  /// The highest id plus one.
  var idLimit: Int { max(pieces.idLimit, addedPieces.idLimit) }

  private mutating func add(_ token: AddedToken, source: String) throws {
    if let known = id(of: token.content) {
      guard known == token.id else {
        throw CarinaError(
          .badData, "the added token \"\(token.content)\" has two ids", at: source,
          expected: "\(known) as elsewhere in the file", found: "\(token.id)")
      }
    } else {
      let conflict =
        pieces.piece(of: token.id).map { PieceTable.Conflict.id(piece: $0) }
        ?? addedPieces.insert(token.content, id: token.id)
      if let conflict {
        throw BytePairFileReader.error(conflict, piece: token.content, id: token.id, source: source)
      }
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
    let node = JSONNode(.object(model), source: source, keys: ["model"], wording: .configuration)
    for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
      if let text = try node[key].optional?.text(), !text.isEmpty {
        throw CarinaError(.badData, "the model key \"\(key)\" is not supported", at: source, found: "\"\(text)\"")
      }
    }
    if let dropout = try node["dropout"].optional?.number(), dropout != 0 {
      throw CarinaError(
        .badData, "merge dropout is not supported: it makes ids random", at: source, expected: "\"dropout\": null",
        found: "\(dropout)")
    }
  }
}
