import CarinaRuntime
import Foundation

/// A tokenizer from a SentencePiece `tokenizer.model`: byte pairs (as Gemma's) or unigram (as SigLIP's text tower).
///
/// Encodes and decodes as the sentencepiece library does.
package final class SentencePieceTokenizer: Tokenizer {
  private let model: SentencePieceModel
  private let normalizer: SentencePieceNormalizer
  private let unigram: UnigramSegmenter?
  private let protected: ByteTrie
  private let protectedWithoutSpecial: ByteTrie
  private let specialIds: Set<Int>
  private let bytePieces: [Int]
  package let roles: TokenRoles

  /// Reads a `tokenizer.model`; `configuration` is the `tokenizer_config.json` beside it, which may rename roles.
  /// - Throws: `CarinaError.badData` for a broken file and, by name, for what is not supported.
  package init(model data: Data, source: String, configuration: JSONValue? = nil) throws {
    let model = try SentencePieceModel(data, source: source)
    self.model = model
    normalizer = SentencePieceNormalizer(
      charsMap: model.charsMap, addsDummyPrefix: model.addsDummyPrefix,
      removesExtraSpaces: model.removesExtraSpaces, escapesSpaces: model.escapesSpaces)
    unigram = model.algorithm == .unigram ? UnigramSegmenter(model) : nil
    let special = Set(TokenRoles.controlPieces.compactMap { model.pieces.id(of: $0) })
    specialIds = special
    var protected = ByteTrie()
    var protectedWithoutSpecial = ByteTrie()
    for (id, kind) in model.kinds.enumerated() where kind == .userDefined {
      guard let bytes = model.pieces.bytes(of: id) else { continue }
      protected.insert(bytes, value: id)
      if !special.contains(id) { protectedWithoutSpecial.insert(bytes, value: id) }
    }
    self.protected = protected
    self.protectedWithoutSpecial = protectedWithoutSpecial
    bytePieces = (0...255).map { model.pieces.id(of: BytePieces.spelling(of: UInt8($0))) ?? model.unknown }
    var roles = TokenRoles(configuration: configuration) { model.pieces.id(of: $0) }
    func control(_ id: Int) -> Int? { model.kinds.indices.contains(id) && model.kinds[id] == .control ? id : nil }
    roles.beginOfSequence = roles.beginOfSequence ?? control(model.begin)
    roles.endOfSequence = roles.endOfSequence ?? control(model.end)
    roles.padding = roles.padding ?? control(model.padding)
    roles.unknown = model.unknown
    self.roles = roles
  }

  package var vocabularySize: Int { model.kinds.count }

  package func id(of piece: String) -> Int? { model.pieces.id(of: piece) }

  package func piece(of id: Int) -> String? { model.pieces.piece(of: id) }

  /// The ids of a text; see `Tokenizer`. Control pieces are never made from text; user-defined ones are.
  package func encode(_ text: String, recognizingSpecialTokens: Bool) -> [Int] {
    let protected = recognizingSpecialTokens ? self.protected : protectedWithoutSpecial
    let forbidden = recognizingSpecialTokens ? [] : specialIds
    let isForbidden: (Int) -> Bool = forbidden.isEmpty ? { _ in false } : { forbidden.contains($0) }
    var text = text
    let normalized = text.withUTF8 { normalizer.apply($0, protecting: protected) }
    return normalized.withUnsafeBufferPointer { bytes in
      let parts =
        unigram?.apply(to: bytes, isForbidden: isForbidden)
        ?? SentencePieceMerger(model: model, protected: protected, isForbidden: isForbidden).apply(to: bytes)
      return ids(of: parts, in: bytes)
    }
  }

  /// Bytes for what is no piece, or one unknown piece for a whole run of it.
  private func ids(of parts: [(range: Range<Int>, id: Int)], in text: UnsafeBufferPointer<UInt8>) -> [Int] {
    var ids = [Int]()
    ids.reserveCapacity(parts.count)
    var followsUnknown = false
    for part in parts {
      if part.id >= 0 {
        ids.append(part.id)
      } else if model.fallsBackToBytes {
        for byte in text[part.range] { ids.append(bytePieces[Int(byte)]) }
      } else if !followsUnknown {
        ids.append(model.unknown)
      }
      followsUnknown = part.id < 0
    }
    return ids
  }

  /// What one id adds to a decoded text. Control pieces add nothing in either case, as the reference has it;
  /// `skipSpecialTokens` also leaves out user-defined pieces that steer the model (`<start_of_turn>`).
  package func surface(of id: Int, atStart: Bool, skipSpecialTokens: Bool) -> PieceSurface {
    guard let bytes = model.pieces.bytes(of: id) else { return .text("") }
    switch model.kinds[id] {
    case .control: return .text("")
    case .unknown: return .text(skipSpecialTokens ? "" : model.unknownSurface)
    case .byte: return BytePieces.value(of: Array(bytes)).map { .byte($0) } ?? .text("")
    case .userDefined where skipSpecialTokens && specialIds.contains(id): return .text("")
    case .normal, .userDefined, .unused: break
    }
    let space = UTF8Characters.visibleSpace
    let dropsFirst =
      atStart && (model.addsDummyPrefix || model.removesExtraSpaces) && bytes.prefix(space.count).elementsEqual(space)
    let rest = dropsFirst ? bytes.dropFirst(space.count) : bytes
    let text = String(decoding: ByteReplacement(pattern: space, content: [0x20]).apply(to: rest), as: UTF8.self)
    // Where extra spaces are removed, all leading ones go; else only the one of the dummy prefix.
    return dropsFirst && !model.removesExtraSpaces ? .textAfterDroppedSpace(text) : .text(text)
  }

  /// The text of ids; a byte that is part of no UTF-8 character gives U+FFFD.
  package func decode(_ ids: [Int], skipSpecialTokens: Bool) -> String {
    let decoder = StreamingDecoder(tokenizer: self, skipSpecialTokens: skipSpecialTokens)
    return ids.map { decoder.append($0) }.joined() + decoder.finish()
  }
}
