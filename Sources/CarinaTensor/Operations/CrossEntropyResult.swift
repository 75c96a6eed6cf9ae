/// What the language-model loss gives back.
public struct CrossEntropyResult {
  /// Sum over rows of the negative log likelihood, times `scale`; a scalar on the tape.
  public let loss: Tensor
  /// Negative log likelihood (natural log) of each row's target, unscaled.
  public let tokenLosses: [Float]
}
