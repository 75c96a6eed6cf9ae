/// Makes tokens that an answer already holds less probable (Keskar et al. 2019, CTRL).
enum RepetitionPenalty {
  /// Divides positive values of the tokens made so far by `penalty` and multiplies negative ones with it.
  /// - Parameter zero: what counts as zero; the logarithm of the sum of exponentials makes logits log probabilities.
  static func apply(
    _ penalty: Double, to logits: UnsafeMutableBufferPointer<Float>, made: [Int], zero: Float = 0
  ) {
    guard penalty != 1 else { return }
    for token in Set(made) {
      let value = logits[token] - zero
      logits[token] = zero + (value < 0 ? value * Float(penalty) : value / Float(penalty))
    }
  }
}
