import CarinaTensor

/// SigLIP's pooling: a learned probe attends to all patches, then a residual MLP (transformers
/// `SiglipMultiheadAttentionPoolingHead`; Lee et al. 2019, Set Transformer).
package struct AttentionPoolingHead {
  private let probe: Parameter
  private let inputWeight: Parameter, inputBias: Parameter
  private let output: Linear
  private let norm: LayerNorm
  private let mlp: SiglipMLP
  private let config: VisionConfig

  init(_ source: ParameterSource, _ prefix: String, config: VisionConfig) {
    let width = config.hiddenSize
    self.config = config
    probe = source.parameter(
      "\(prefix).probe", shape: [1, 1, width], decays: true, initialization: .normal(standardDeviation: 0.1))
    inputWeight = source.parameter(
      "\(prefix).attention.in_proj_weight", shape: [3 * width, width], decays: true,
      initialization: .normal(standardDeviation: (1 / Double(width)).squareRoot()))
    inputBias = source.parameter(
      "\(prefix).attention.in_proj_bias", shape: [3 * width], decays: false, initialization: .constant(0))
    output = Linear(source, "\(prefix).attention.out_proj", inputs: width, outputs: width)
    norm = LayerNorm(source, "\(prefix).layernorm", width: width, epsilon: config.epsilon)
    mlp = SiglipMLP(
      source, "\(prefix).mlp", hiddenSize: width, intermediateSize: config.intermediateSize,
      activation: config.activation)
  }

  /// Every weight of the head.
  var parameters: [Parameter] {
    [probe, inputWeight, inputBias] + output.parameters + norm.parameters + mlp.parameters
  }

  /// Features [B · P, W] to one row an image, [B, W].
  func callAsFunction(_ features: Tensor, count: Int, tape: Tape?) -> Tensor {
    let width = config.hiddenSize
    func project(_ x: Tensor, part: Int) -> Tensor {
      linear(x, inputWeight, inputBias, weightRows: part * width..<(part + 1) * width, tape: tape)
    }
    let probes = embedding([Int](repeating: 0, count: count), probe, tape: tape)
    let layout = AttentionLayout(
      queryCounts: [Int](repeating: 1, count: count),
      keyCounts: [Int](repeating: features.rows / max(count, 1), count: count), heads: config.headCount,
      headSize: config.headSize, scale: 1 / Float(config.headSize).squareRoot(), isCausal: false)
    let pooled = attention(
      project(probes, part: 0), project(features, part: 1), project(features, part: 2), layout: layout, tape: tape)
    let x = output(pooled, tape: tape)
    return x + mlp(norm(x, tape: tape), LayerPass(tape: tape))
  }
}
