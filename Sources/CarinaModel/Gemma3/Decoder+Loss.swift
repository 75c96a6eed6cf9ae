import CarinaTensor

extension Decoder {
  /// The language-model loss on the supervised tokens of packed sequences, times `scale`, and each one's negative log
  /// likelihood in order.
  ///
  /// - Parameters:
  ///   - x: [R, D] embeddings of the sequences, each without its last token, which predicts nothing.
  ///   - lengths: rows of each.
  ///   - mutualRuns: as in `hiddenStates`.
  ///   - sequences: which of their tokens are targets.
  ///   - labelSmoothing: as in `crossEntropy`.
  package func supervisedLoss(
    _ x: Tensor, lengths: [Int], mutualRuns: [[Range<Int>]]? = nil, sequences: [ImageTextSequence], scale: Float,
    labelSmoothing: Double = 0, isCheckpointed: Bool = false, tape: Tape?
  ) -> CrossEntropyResult {
    var readCounts: [Int] = [], wanted: [Int] = [], targets: [Int32] = [], start = 0
    for (sequence, length) in zip(sequences, lengths) {
      let others = length + 1 - sequence.length(imageRows: 0)
      let found = sequence.targets(imageRows: others / max(sequence.images.count, 1))
      // Only rows from the first that predicts a target on are read.
      let first = found.first?.row ?? length
      for (row, id) in found {
        wanted.append(start + row - first)
        targets.append(Int32(id))
      }
      readCounts.append(length - first)
      start += length - first
    }
    let states = hiddenStates(
      x, lengths: lengths, readCounts: readCounts, mutualRuns: mutualRuns, isCheckpointed: isCheckpointed, tape: tape)
    let rows = wanted.count == states.rows ? states : selectRows(states, wanted, tape: tape)
    return crossEntropy(
      rows, targets: targets, head: head, scale: scale, labelSmoothing: labelSmoothing, tape: tape)
  }

  /// The loss of sequences without images.
  package func textLoss(_ sequences: [ImageTextSequence], scale: Float, tape: Tape?) -> CrossEntropyResult {
    let ids = sequences.map { $0.tokensBefore + $0.tokensAfter.dropLast() }
    return supervisedLoss(
      embed(ids.flatMap { $0 }, tape: tape), lengths: ids.map(\.count), sequences: sequences, scale: scale, tape: tape)
  }
}
