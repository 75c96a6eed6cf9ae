/// The unigram side of SentencePiece (Kudo 2018): the cut of the highest total score, by Viterbi's algorithm.
struct UnigramSegmenter: Sendable {
  /// How much worse than the worst piece an unknown character is.
  private static let unknownPenalty: Float = 10

  private let trie: ByteTrie
  private let scores: [Float]
  private let kinds: [SentencePieceModel.Kind]
  private let unknown: Int
  private let highestScore: Float
  private let unknownScore: Float

  init(_ model: SentencePieceModel) {
    var trie = ByteTrie()
    var lowest = Float.greatestFiniteMagnitude
    var highest = -Float.greatestFiniteMagnitude
    for (id, kind) in model.kinds.enumerated() {
      if kind == .normal {
        lowest = min(lowest, model.scores[id])
        highest = max(highest, model.scores[id])
      }
      if kind == .normal || kind == .userDefined, let bytes = model.pieces.bytes(of: id) {
        trie.insert(bytes, value: id)
      }
    }
    self.trie = trie
    scores = model.scores
    kinds = model.kinds
    unknown = model.unknown
    highestScore = highest
    unknownScore = lowest - Self.unknownPenalty
  }

  private struct Node {
    var id: Int32 = -1
    var start: Int32 = -1
    var score: Float = 0
  }

  /// The piece ids of a normalised text with the byte range of each; -1 for unknown characters.
  func apply(
    to text: UnsafeBufferPointer<UInt8>, isForbidden: (Int) -> Bool
  ) -> [(range: Range<Int>, id: Int)] {
    var best = [Node](repeating: Node(), count: text.count + 1)
    var start = 0
    while start < text.count {
      let soFar = best[start].score
      let characterLength = min(text.count - start, UTF8Characters.length(first: text[start]))
      var hasSingle = false
      trie.forEachMatch(text, from: start) { length, id in
        guard !isForbidden(id) else { return }
        // Sums in double, kept in single precision: ties then fall as they do in the reference.
        let score =
          kinds[id] == .userDefined ? Double(Float(length) * highestScore) - 0.1 : Double(scores[id])
        let candidate = score + Double(soFar)
        if best[start + length].start < 0 || candidate > Double(best[start + length].score) {
          best[start + length] = Node(id: Int32(id), start: Int32(start), score: Float(candidate))
        }
        if length == characterLength { hasSingle = true }
      }
      if !hasSingle {
        let candidate = unknownScore + soFar
        let end = start + characterLength
        if best[end].start < 0 || candidate > best[end].score {
          best[end] = Node(id: -1, start: Int32(start), score: candidate)
        }
      }
      start += characterLength
    }
    var result = [(range: Range<Int>, id: Int)]()
    var end = text.count
    while end > 0 {
      let node = best[end]
      result.append((Int(node.start)..<end, Int(node.id)))
      end = Int(node.start)
    }
    return result.reversed()
  }
}
