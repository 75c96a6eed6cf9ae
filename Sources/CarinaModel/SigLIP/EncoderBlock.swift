import CarinaTensor

/// One block of SigLIP's towers: x + attention(norm x), then x + MLP(norm x) (pre-norm; transformers `SiglipEncoderLayer`).
package struct EncoderBlock {
  private let firstNorm: LayerNorm, secondNorm: LayerNorm
  private let query: Linear, key: Linear, value: Linear, output: Linear
  private let expand: Linear, contract: Linear
  private let headCount: Int, headSize: Int
  private let activation: GELUKind

  /// Takes the block's sixteen weights, named as in the checkpoint, from the source.
  init(
    _ source: ParameterSource, _ prefix: String, hiddenSize: Int, intermediateSize: Int, headCount: Int, epsilon: Float,
    activation: GELUKind
  ) {
    firstNorm = LayerNorm(source, "\(prefix).layer_norm1", width: hiddenSize, epsilon: epsilon)
    secondNorm = LayerNorm(source, "\(prefix).layer_norm2", width: hiddenSize, epsilon: epsilon)
    func projection(_ name: String) -> Linear {
      Linear(source, "\(prefix).self_attn.\(name)", inputs: hiddenSize, outputs: hiddenSize)
    }
    query = projection("q_proj")
    key = projection("k_proj")
    value = projection("v_proj")
    output = projection("out_proj")
    expand = Linear(source, "\(prefix).mlp.fc1", inputs: hiddenSize, outputs: intermediateSize)
    contract = Linear(source, "\(prefix).mlp.fc2", inputs: intermediateSize, outputs: hiddenSize)
    self.headCount = headCount
    headSize = hiddenSize / headCount
    self.activation = activation
  }

  /// Every weight of the block.
  var parameters: [Parameter] {
    firstNorm.parameters + secondNorm.parameters
      + [query, key, value, output, expand, contract].flatMap(\.parameters)
  }

  /// x [sequences · length, W] to the same shape; every position of a sequence sees every other.
  ///
  /// - Parameter isFused: whether biases, activation and sums may be left to the matrix products, which in bfloat16 changes last digits.
  func callAsFunction(_ x: Tensor, lengths: [Int], isFused: Bool = false, tape: Tape?) -> Tensor {
    let isFused = isFused && tape == nil
    let normed = query.input(firstNorm(x, tape: tape))
    let layout = AttentionLayout(
      queryCounts: lengths, heads: headCount, headSize: headSize, scale: 1 / Float(headSize).squareRoot(),
      isCausal: false)
    func projected(_ map: Linear) -> Tensor { (isFused ? map.finished(normed) : nil) ?? map(normed, tape: tape) }
    let mixed = attention(
      projected(query), projected(key), projected(value), layout: layout, products: query.weight.value.elementType,
      tape: tape)
    let attended = sum(x, output, output.input(mixed), isFused, tape)
    let normedAgain = expand.input(secondNorm(attended, tape: tape))
    if isFused,
      let inner = expand.finished(normedAgain, activation: activation, as: contract.weight.value.elementType)
    {
      return sum(attended, contract, ProductInput(rounded: inner), isFused, tape)
    }
    let inner = gelu(expand(normedAgain, tape: tape), kind: activation, tape: tape)
    return sum(attended, contract, contract.input(inner), isFused, tape)
  }

  private func sum(_ x: Tensor, _ map: Linear, _ input: ProductInput, _ isFused: Bool, _ tape: Tape?) -> Tensor {
    if isFused, let out = map.finished(input, summand: x) { return out }
    return add(x, map(input, tape: tape), tape: tape)
  }
}
