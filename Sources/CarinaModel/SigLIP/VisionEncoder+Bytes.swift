import CarinaTensor

extension VisionEncoder {
  /// The state behind the last block, off the tape, with everything between two attentions in one pass over a few rows at a
  /// time; nil where a block is not in bytes, an adapter stands beside one, or the backend has no such pass.
  func stateInBytes(_ embeddings: Tensor, lengths: [Int], observe: ((Int, Tensor) -> Void)?) -> Tensor? {
    let weights = blocks.compactMap(\.weightsWithoutAdapters)
    guard let encoder = embeddings.backend.byteEncoder, !weights.isEmpty, weights.count == blocks.count,
      weights.allSatisfy({ encoder.takes($0) })
    else { return nil }
    var step = encoder.advance(embeddings, from: nil, to: weights[0])
    for (layer, block) in blocks.enumerated() {
      let attention = block.attention
      let mixed = encoder.attend(step.projections, attention.layout(lengths), products: attention.products)
      let next = layer + 1 < weights.count ? weights[layer + 1] : nil
      step = encoder.advance(step.state, from: (weights[layer], mixed), to: next)
      observe?(layer + 1, step.state)
    }
    return step.state
  }
}

extension SiglipBlock {
  /// Every weight of the block; nil where an adapter stands beside a map.
  var weightsWithoutAdapters: EncoderBlockWeights? {
    guard maps.allSatisfy(\.adapters.isEmpty) else { return nil }
    func map(_ linear: Linear) -> EncoderBlockWeights.Map { .init(linear.weight, linear.bias) }
    func norm(_ norm: LayerNorm) -> EncoderBlockWeights.Norm { .init(norm.weight, norm.bias, epsilon: norm.epsilon) }
    return EncoderBlockWeights(
      firstNorm: norm(firstNorm), secondNorm: norm(secondNorm), query: map(attention.query), key: map(attention.key),
      value: map(attention.value), output: map(attention.output), expand: map(mlp.expand), contract: map(mlp.contract),
      activation: mlp.activation)
  }
}
