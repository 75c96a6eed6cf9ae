/// What the language-model loss gives back. The numbers stay with the backend until they are asked for.
public struct CrossEntropyResult {
  /// Negative log likelihood (natural log) of each row's target, unscaled, [R] fp32, on the tape; with smoothed labels
  /// their loss.
  package let losses: Tensor
  private let scale: Float

  /// Losses of rows on the tape, and the factor on their sum.
  init(losses: Tensor, scale: Float) {
    self.losses = losses
    self.scale = scale
  }

  /// Sum over rows of their losses, times `scale`; a scalar on the tape. Reads the losses.
  public var loss: Tensor {
    let sum = tokenLosses.reduce(0.0) { $0 + Double($1) } * Double(scale)
    var loss = Tensor([Float(sum)], shape: [1], on: losses.backend)
    loss.node = losses.node
    return loss
  }

  /// The losses, read.
  public var tokenLosses: [Float] { losses.values }
}
