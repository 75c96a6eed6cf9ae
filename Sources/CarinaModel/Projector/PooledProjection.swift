import CarinaTensor

/// Gemma 3's projector (transformers `Gemma3MultiModalProjector`) behind its averages over blocks of the patch grid: an
/// RMS norm, and a matrix stored inputs × outputs.
struct PooledProjection {
  private let norm: RMSNorm
  private let matrix: Parameter

  /// Takes `mm_soft_emb_norm.weight` and `mm_input_projection_weight` from the source.
  init(_ config: ProjectorConfig, _ pooling: PatchPooling, from source: ParameterSource) {
    norm = RMSNorm(source, "mm_soft_emb_norm", width: config.inputSize, epsilon: pooling.epsilon)
    matrix = source.parameter(
      "mm_input_projection_weight", shape: [config.inputSize, config.outputSize], decays: true,
      initialization: .normal(standardDeviation: (1 / Double(config.inputSize)).squareRoot()))
  }

  /// Both weights.
  var parameters: [Parameter] { [norm.weight, matrix] }

  /// Averages [images · tokens, W], which may have been kept in bfloat16, to decoder rows [images · tokens, D].
  func rows(ofPooled averages: Tensor, tape: Tape?) -> Tensor {
    let averages = averages.elementType == .float32 ? averages : averages.converted(to: .float32)
    return product(norm(averages, tape: tape), matrix, tape: tape)
  }
}
