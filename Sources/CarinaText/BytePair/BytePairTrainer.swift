import CarinaRuntime

/// Learns a byte pair vocabulary from texts, with Gemma's layout: `<pad>` 0, `<eos>` 1, `<bos>` 2, `<unk>` 3, the turn
/// marks, further special tokens, the line break, 256 byte pieces, single characters, merged pieces.
///
/// Words are cut as Gemma's pieces are: a space belongs to what follows it, every digit stands alone, letters never
/// join with other signs. The same texts in the same order give the same vocabulary.
/// Reference: Sennrich, Haddow and Birch 2016, "Neural machine translation of rare words with subword units".
///
/// ```swift
/// let vocabulary = try BytePairTrainer(vocabularySize: 1_024).train(on: reports)
/// try vocabulary.write(to: "stage0/language")
/// ```
package struct BytePairTrainer: Sendable {
  /// How many pieces there shall be in all; fewer come out when the texts hold no more repeated pairs.
  package let vocabularySize: Int
  /// Special tokens beyond the usual six.
  package let additionalSpecialTokens: [String]
  /// A pair seen less often is not merged.
  package let minimumPairCount: Int

  /// The special tokens that every vocabulary has, by id.
  package static let standardSpecialTokens = ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"]

  /// A trainer for vocabularies of a size.
  /// - Throws: `CarinaError.usage` when the size leaves no room for characters, or a special token is there twice.
  package init(vocabularySize: Int, additionalSpecialTokens: [String] = [], minimumPairCount: Int = 2) throws {
    let fixed = Self.standardSpecialTokens + additionalSpecialTokens
    let needed = fixed.count + 1 + 256 + 1
    guard vocabularySize >= needed, vocabularySize <= PieceLimits.idLimit else {
      throw CarinaError(
        .usage, "a vocabulary of \(vocabularySize) pieces cannot be made",
        expected: "\(needed) (special tokens, bytes, line break, space) to \(PieceLimits.idLimit)")
    }
    guard Set(fixed.map(\.exact)).count == fixed.count, !fixed.contains("") else {
      throw CarinaError(.usage, "the special tokens must differ and not be empty", found: "\(fixed)")
    }
    self.vocabularySize = vocabularySize
    self.additionalSpecialTokens = additionalSpecialTokens
    self.minimumPairCount = max(1, minimumPairCount)
  }

  /// Learns from texts; a special token written in them counts as plain characters.
  package func train(on texts: [String]) -> TrainedBytePairs {
    let words = WordCounts(texts)
    var pieces = PieceVocabulary()
    for token in Self.standardSpecialTokens + additionalSpecialTokens { pieces.add(token) }
    let specialCount = pieces.texts.count
    pieces.add("\n")
    for byte in UInt8.min...UInt8.max { pieces.add(BytePieces.spelling(of: byte)) }
    let room = vocabularySize - pieces.texts.count - 1
    let characters = Set(words.charactersByFrequency.filter { $0 != "▁" }.prefix(room)).union(["▁"])
    for character in characters.sorted(by: { $0.value < $1.value }) { pieces.add(String(character)) }
    let merges = learnMerges(words, &pieces)
    return TrainedBytePairs(pieces: pieces.texts, specialCount: specialCount, merges: merges)
  }

  private func learnMerges(_ words: WordCounts, _ pieces: inout PieceVocabulary) -> [TrainedBytePairs.Merge] {
    // A character without a piece will be spelled in bytes: no pair reaches across it.
    var rows = [PairCounts.Row]()
    for (word, count) in words.sorted {
      var symbols = [Int]()
      for scalar in word.unicodeScalars {
        if let id = pieces.id(of: String(scalar)) {
          symbols.append(id)
        } else {
          rows.append(PairCounts.Row(symbols: symbols, count: count))
          symbols = []
        }
      }
      rows.append(PairCounts.Row(symbols: symbols, count: count))
    }
    var pairs = PairCounts(rows.filter { $0.symbols.count > 1 })
    var merges = [TrainedBytePairs.Merge]()
    while pieces.texts.count < vocabularySize, let (pair, count) = pairs.popMostFrequent(), count >= minimumPairCount {
      let product = pieces.add(pieces.texts[pair.left] + pieces.texts[pair.right])
      merges.append(.init(left: pieces.texts[pair.left], right: pieces.texts[pair.right]))
      pairs.merge(pair, into: product)
    }
    return merges
  }
}

/// Pieces in order of their ids.
private struct PieceVocabulary {
  private(set) var texts: [String] = []
  private var ids: [ExactText: Int] = [:]

  /// The id of a piece, new or old.
  @discardableResult
  mutating func add(_ text: String) -> Int {
    if let id = ids[ExactText(text)] { return id }
    ids[ExactText(text)] = texts.count
    texts.append(text)
    return texts.count - 1
  }

  func id(of text: String) -> Int? { ids[ExactText(text)] }
}
