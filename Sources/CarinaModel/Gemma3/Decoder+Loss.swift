import CarinaTensor

extension Decoder {
  /// The language-model loss on the supervised tokens of packed sequences, times `scale`, and each one's negative log
  /// likelihood in order.
  ///
  /// - Parameters:
  ///   - x: [R, D] embeddings of the sequences, each without its last token, which predicts nothing.
  ///   - lengths: rows of each.
  ///   - mutualRuns: as in `hiddenStates`.
  ///   - sequences: which tokens of their tails are targets.
  package func supervisedLoss(
    _ x: Tensor, lengths: [Int], mutualRuns: [[Range<Int>]]? = nil, sequences: [ImageTextSequence], scale: Float,
    isCheckpointed: Bool = false, tape: Tape?
  ) -> CrossEntropyResult {
    var readCounts: [Int] = [], wanted: [Int] = [], targets: [Int32] = [], start = 0
    for sequence in sequences {
      // Token j of the tail is predicted by the row before it, and only rows from the first such one on are read.
      let count = sequence.tokensAfter.count
      let first = sequence.supervised.firstIndex(of: true) ?? count
      for index in first..<count where sequence.supervised[index] {
        wanted.append(start + index - first)
        targets.append(Int32(sequence.tokensAfter[index]))
      }
      readCounts.append(count - first)
      start += count - first
    }
    let states = hiddenStates(
      x, lengths: lengths, readCounts: readCounts, mutualRuns: mutualRuns, isCheckpointed: isCheckpointed, tape: tape)
    let rows = wanted.count == states.rows ? states : selectRows(states, wanted, tape: tape)
    return crossEntropy(rows, targets: targets, head: head, scale: scale, tape: tape)
  }

  /// The loss of sequences without images.
  package func textLoss(_ sequences: [ImageTextSequence], scale: Float, tape: Tape?) -> CrossEntropyResult {
    let ids = sequences.map { $0.tokensBefore + $0.tokensAfter.dropLast() }
    return supervisedLoss(
      embed(ids.flatMap { $0 }, tape: tape), lengths: ids.map(\.count), sequences: sequences, scale: scale, tape: tape)
  }
}
