import CarinaTensor

/// One block of SigLIP's towers: x + attention(norm x), then x + MLP(norm x) (pre-norm; transformers
/// `SiglipEncoderLayer`).
package struct SiglipBlock {
  let firstNorm: LayerNorm, secondNorm: LayerNorm
  let attention: SiglipAttention
  let mlp: SiglipMLP

  /// Takes the block's sixteen weights, named as in the checkpoint, from the source.
  init(
    _ source: ParameterSource, _ prefix: String, hiddenSize: Int, intermediateSize: Int, headCount: Int, epsilon: Float,
    activation: GELUKind
  ) {
    firstNorm = LayerNorm(source, "\(prefix).layer_norm1", width: hiddenSize, epsilon: epsilon)
    secondNorm = LayerNorm(source, "\(prefix).layer_norm2", width: hiddenSize, epsilon: epsilon)
    attention = SiglipAttention(source, "\(prefix).self_attn", hiddenSize: hiddenSize, headCount: headCount)
    mlp = SiglipMLP(
      source, "\(prefix).mlp", hiddenSize: hiddenSize, intermediateSize: intermediateSize, activation: activation)
  }

  /// Every matrix, together those that read the same rows.
  var matricesByInput: [[Parameter]] { attention.matricesByInput + mlp.matricesByInput }

  /// Every affine map of the block.
  var maps: [Linear] { attention.maps + mlp.maps }

  /// Every weight of the block.
  var parameters: [Parameter] {
    firstNorm.parameters + secondNorm.parameters + attention.parameters + mlp.parameters
  }

  /// x [sequences · length, W] to the same shape; every position of a sequence sees every other.
  ///
  /// - Parameter isFused: whether biases, activation and sums may be left to the matrix products, which in bfloat16
  ///   changes last digits.
  func callAsFunction(_ x: Tensor, lengths: [Int], isFused: Bool = false, tape: Tape?) -> Tensor {
    let pass = LayerPass(tape: tape, mayFuse: isFused)
    let x = x + attention(firstNorm(x, tape: tape), lengths: lengths, pass)
    return x + mlp(secondNorm(x, tape: tape), pass)
  }
}
