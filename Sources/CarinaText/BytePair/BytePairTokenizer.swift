import CarinaRuntime
import Foundation

/// A byte pair tokenizer as `tokenizer.json` describes it: Gemma 3 ships one with byte fallback.
///
/// Encodes and decodes as the Hugging Face tokenizers library does (without its post-processor, which adds `<bos>`).
package final class BytePairTokenizer: Tokenizer {
  private let definition: BytePairDefinition
  private let rawFinder: AddedTokenFinder
  private let normalizedFinder: AddedTokenFinder
  /// How added tokens that are looked for in normalised text are written there, and in decoded text.
  private let normalizedSpellings: [Int: [UInt8]]
  private let specialIds: Set<Int>
  private let guardedIds: Set<Int>
  private let bytePieces: [Int32]
  package let roles: TokenRoles

  /// Reads a `tokenizer.json`; `configuration` is the `tokenizer_config.json` beside it, which may rename roles.
  /// - Throws: `CarinaError.badData` for broken JSON, unknown pieces in merges, double ids, and by name for a
  ///   normalizer, pre_tokenizer, model or decoder that is not supported.
  package init(json: Data, source: String, configuration: JSONValue? = nil) throws {
    let definition = try BytePairDefinition(json, source: source)
    self.definition = definition
    let tokens = definition.addedTokens
    rawFinder = AddedTokenFinder(tokens.filter { !$0.isNormalized }) { Array($0.content.utf8) }
    var spellings = [Int: [UInt8]]()
    for token in tokens where token.isNormalized {
      var content = token.content
      spellings[token.id] = content.withUTF8 { definition.normalizer.apply($0) }
    }
    normalizedSpellings = spellings
    normalizedFinder = AddedTokenFinder(tokens.filter(\.isNormalized)) { spellings[$0.id] ?? [] }
    specialIds = Set(tokens.filter(\.isSpecial).map(\.id))
    let controls = TokenRoles.controlPieces.compactMap { definition.id(of: $0) }
    bytePieces = (0...255).map { Int32(definition.pieces.id(of: BytePieces.spelling(of: UInt8($0))) ?? -1) }
    // Line breaks are text, whatever a file calls them.
    let steering = tokens.filter { $0.isSpecial && !$0.content.allSatisfy(\.isWhitespace) }.map(\.id)
    guardedIds = Set(steering).union(controls)
    roles = TokenRoles(configuration: configuration) { definition.id(of: $0) }
  }

  package var vocabularySize: Int { definition.idLimit }

  package func id(of piece: String) -> Int? { definition.id(of: piece) }

  package func piece(of id: Int) -> String? { definition.bytes(of: id).map { String(decoding: $0, as: UTF8.self) } }

  package func encode(_ text: String, recognizingSpecialTokens: Bool) -> [Int] {
    var ids = [Int]()
    let skipped = recognizingSpecialTokens ? [] : guardedIds
    var text = text
    text.withUTF8 { bytes in
      for part in rawFinder.parts(of: bytes, skipping: skipped) {
        switch part {
        case .token(let id): ids.append(id)
        case .text(let range):
          let normalized = definition.normalizer.apply(UnsafeBufferPointer(rebasing: bytes[range]))
          normalized.withUnsafeBufferPointer { encodeNormalized($0, skipping: skipped, into: &ids) }
        }
      }
    }
    return ids
  }

  private func encodeNormalized(
    _ text: UnsafeBufferPointer<UInt8>, skipping skipped: Set<Int>, into ids: inout [Int]
  ) {
    for part in normalizedFinder.parts(of: text, skipping: skipped) {
      switch part {
      case .token(let id): ids.append(id)
      case .text(let range):
        let segment = UnsafeBufferPointer(rebasing: text[range])
        for word in definition.preTokenizer.ranges(of: segment) {
          encodeWord(UnsafeBufferPointer(rebasing: segment[word]), forbidding: skipped, into: &ids)
        }
      }
    }
  }

  private func encodeWord(
    _ word: UnsafeBufferPointer<UInt8>, forbidding forbidden: Set<Int>, into ids: inout [Int]
  ) {
    if definition.ignoresMerges, let id = definition.pieces.id(of: word), !forbidden.contains(id) {
      ids.append(id)
      return
    }
    let symbols = characters(of: word)
    let merged =
      forbidden.isEmpty
      ? definition.merges.apply(to: symbols)
      : definition.merges.apply(to: symbols) { forbidden.contains(Int($0)) }
    ids.append(contentsOf: merged.lazy.map(Int.init))
  }

  /// One id for each character; its bytes, or the unknown piece, where the vocabulary does not have it.
  private func characters(of word: UnsafeBufferPointer<UInt8>) -> [Int32] {
    var symbols = [Int32]()
    symbols.reserveCapacity(word.count)
    var pendingUnknown = false
    var offset = 0
    while offset < word.count {
      let end = min(word.count, offset + UTF8Characters.length(first: word[offset]))
      let character = UnsafeBufferPointer(rebasing: word[offset..<end])
      offset = end
      if let id = definition.pieces.id(of: character) {
        if pendingUnknown, let unknown = definition.unknown { symbols.append(Int32(unknown)) }
        pendingUnknown = false
        symbols.append(Int32(id))
      } else if definition.fallsBackToBytes, character.allSatisfy({ bytePieces[Int($0)] >= 0 }) {
        symbols.append(contentsOf: character.lazy.map { self.bytePieces[Int($0)] })
      } else if let unknown = definition.unknown {
        if pendingUnknown, !definition.fusesUnknown { symbols.append(Int32(unknown)) }
        pendingUnknown = true
      }
    }
    if pendingUnknown, let unknown = definition.unknown { symbols.append(Int32(unknown)) }
    return symbols
  }

  package func surface(of id: Int, atStart: Bool, skipSpecialTokens: Bool) -> PieceSurface {
    guard !(skipSpecialTokens && specialIds.contains(id)), let bytes = definition.bytes(of: id) else {
      return .text("")
    }
    return definition.decoder.surface(of: normalizedSpellings[id].map { $0[...] } ?? bytes)
  }

  /// The text of ids. A run of byte pieces that is not UTF-8 as a whole gives one U+FFFD a byte, as the reference has
  /// it.
  package func decode(_ ids: [Int], skipSpecialTokens: Bool) -> String {
    var output = [UInt8]()
    var run = [UInt8]()
    func endRun() {
      if String(validating: run, as: UTF8.self) != nil {
        output.append(contentsOf: run)
      } else {
        for _ in run { output.append(contentsOf: UTF8Characters.replacement) }
      }
      run.removeAll(keepingCapacity: true)
    }
    for id in ids where definition.bytes(of: id) != nil && !(skipSpecialTokens && specialIds.contains(id)) {
      switch surface(of: id, atStart: false, skipSpecialTokens: skipSpecialTokens) {
      case .byte(let byte): run.append(byte)
      case .text(let text), .textAfterDroppedSpace(let text):
        if !run.isEmpty { endRun() }
        output.append(contentsOf: text.utf8)
      }
    }
    if !run.isEmpty { endRun() }
    return String(decoding: output, as: UTF8.self)
  }
}
