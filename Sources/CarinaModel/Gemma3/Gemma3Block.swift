import CarinaTensor

/// One block of Gemma 3 (transformers `Gemma3DecoderLayer`): x + norm(attention(norm x)), then x + norm(MLP(norm x)).
package struct Gemma3Block {
  private let inputNorm: RMSNorm, postAttentionNorm: RMSNorm, preFeedForwardNorm: RMSNorm, postFeedForwardNorm: RMSNorm
  private let attention: Gemma3Attention
  private let mlp: Gemma3MLP

  /// Takes the block's thirteen weights, named as in the checkpoint, from the source.
  init(_ source: ParameterSource, _ config: DecoderConfig, layer: Int) {
    let prefix = "model.layers.\(layer)"
    func norm(_ name: String) -> RMSNorm {
      RMSNorm(source, "\(prefix).\(name)", width: config.hiddenSize, epsilon: config.epsilon)
    }
    inputNorm = norm("input_layernorm")
    postAttentionNorm = norm("post_attention_layernorm")
    preFeedForwardNorm = norm("pre_feedforward_layernorm")
    postFeedForwardNorm = norm("post_feedforward_layernorm")
    attention = Gemma3Attention(source, "\(prefix).self_attn", config, layer: layer)
    mlp = Gemma3MLP(source, "\(prefix).mlp", config)
  }

  /// Every matrix, together those that read the same rows.
  var matricesByInput: [[Parameter]] { attention.matricesByInput + mlp.matricesByInput }

  /// The weights for a `TokenDecoder`; nil where an adapter stands beside a map.
  var decodingWeights: DecoderBlockWeights? {
    guard maps.allSatisfy(\.adapters.isEmpty) else { return nil }
    let maps = maps.map(\.weight.value)
    func gain(_ norm: RMSNorm) -> Tensor { norm.weight.value.converted(to: .float32) }
    return DecoderBlockWeights(
      maps: (maps[0], maps[1], maps[2], maps[3], maps[4], maps[5], maps[6]), inputGain: gain(inputNorm),
      queryGain: attention.norms[0].value.converted(to: .float32),
      keyGain: attention.norms[1].value.converted(to: .float32), postAttentionGain: gain(postAttentionNorm),
      preFeedForwardGain: gain(preFeedForwardNorm), postFeedForwardGain: gain(postFeedForwardNorm),
      epsilon: inputNorm.epsilon)
  }

  /// Every affine map of the block.
  var maps: [Linear] { attention.maps + mlp.maps }

  /// Every weight of the block.
  var parameters: [Parameter] {
    attention.projections + mlp.parameters
      + [inputNorm, postAttentionNorm, preFeedForwardNorm, postFeedForwardNorm].map(\.weight) + attention.norms
  }

  /// - Parameters:
  ///   - x: [R, D], sequences packed.
  ///   - pass: lengths, positions and rotation tables of the pass.
  ///   - readRows: rows whose result is wanted, the last of each sequence as `pass.readCounts` says; nil for all.
  ///   - cache: where keys and values of earlier positions are, in decoding.
  /// - Returns: [rows wanted, D].
  func callAsFunction(_ x: Tensor, pass: DecoderPass, readRows: [Int]?, cache: KeyValueCache?, tape: Tape?) -> Tensor {
    let attended = attention(inputNorm(x, tape: tape), pass: pass, readRows: readRows, cache: cache, tape: tape)
    let wanted = readRows.map { selectRows(x, $0, tape: tape) } ?? x
    let (x, normed) = preFeedForwardNorm.ofSum(wanted, attended, normedBy: postAttentionNorm, tape: tape)
    // Only a cache says that this is no training, whose second pass must repeat the first.
    let layers = LayerPass(tape: tape, mayFuse: cache != nil)
    return add(x, postFeedForwardNorm(mlp(normed, layers), tape: tape), tape: tape)
  }
}
