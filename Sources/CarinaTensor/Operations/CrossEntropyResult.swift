/// What the language-model loss gives back.
public struct CrossEntropyResult {
  /// Sum over rows of their losses, times `scale`; a scalar on the tape.
  public let loss: Tensor
  /// Negative log likelihood (natural log) of each row's target, unscaled; with smoothed labels their loss.
  public let tokenLosses: [Float]
}
