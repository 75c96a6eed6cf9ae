import CarinaTensor

/// One block of Gemma 3 (transformers `Gemma3DecoderLayer`): grouped-query attention with normed and rotated queries and keys, and a
/// gated MLP, each between a norm before and a norm after, added to the residual stream.
package struct TransformerBlock {
  private let inputNorm: RMSNorm, postAttentionNorm: RMSNorm, preFeedForwardNorm: RMSNorm, postFeedForwardNorm: RMSNorm
  private let query: Linear, key: Linear, value: Linear, output: Linear
  private let queryNorm: RMSNorm, keyNorm: RMSNorm
  private let gate: Linear, up: Linear, down: Linear
  private let config: DecoderConfig
  private let layer: Int

  /// Takes the block's thirteen weights, named as in the checkpoint, from the source.
  init(_ source: ParameterSource, _ config: DecoderConfig, layer: Int) {
    self.config = config
    self.layer = layer
    let prefix = "model.layers.\(layer)", width = config.hiddenSize
    func norm(_ name: String, _ width: Int) -> RMSNorm {
      RMSNorm(source, "\(prefix).\(name)", width: width, epsilon: config.epsilon)
    }
    func projection(_ name: String, _ inputs: Int, _ outputs: Int) -> Linear {
      Linear(source, "\(prefix).\(name)", inputs: inputs, outputs: outputs, hasBias: false)
    }
    inputNorm = norm("input_layernorm", width)
    postAttentionNorm = norm("post_attention_layernorm", width)
    preFeedForwardNorm = norm("pre_feedforward_layernorm", width)
    postFeedForwardNorm = norm("post_feedforward_layernorm", width)
    query = projection("self_attn.q_proj", width, config.headCount * config.headSize)
    key = projection("self_attn.k_proj", width, config.keyValueHeadCount * config.headSize)
    value = projection("self_attn.v_proj", width, config.keyValueHeadCount * config.headSize)
    output = projection("self_attn.o_proj", config.headCount * config.headSize, width)
    queryNorm = norm("self_attn.q_norm", config.headSize)
    keyNorm = norm("self_attn.k_norm", config.headSize)
    gate = projection("mlp.gate_proj", width, config.intermediateSize)
    up = projection("mlp.up_proj", width, config.intermediateSize)
    down = projection("mlp.down_proj", config.intermediateSize, width)
  }

  /// Every weight of the block.
  var parameters: [Parameter] {
    [query, key, value, output, gate, up, down].flatMap(\.parameters)
      + [inputNorm, postAttentionNorm, preFeedForwardNorm, postFeedForwardNorm, queryNorm, keyNorm].map(\.weight)
  }

  /// - Parameters:
  ///   - x: [R, D], sequences packed.
  ///   - pass: lengths, positions and rotation tables of the pass.
  ///   - readRows: rows whose result is wanted, the last of each sequence as `pass.readCounts` says; nil for all.
  ///   - cache: where keys and values of earlier positions are, in decoding.
  /// - Returns: [rows wanted, D].
  func callAsFunction(_ x: Tensor, pass: DecoderPass, readRows: [Int]?, cache: KeyValueCache?, tape: Tape?) -> Tensor {
    let normed = inputNorm(x, tape: tape), shared = key.input(normed)
    let rotation = config.layerIsLocal[layer] ? pass.localRotation : pass.globalRotation
    let k = rotaryEmbedding(
      keyNorm(key(shared, tape: tape), tape: tape), table: rotation, positions: pass.positions, tape: tape)
    let v = value(shared, tape: tape)
    let wanted = readRows.map { query.input(selectRows(normed, $0, tape: tape)) } ?? shared
    let residual = readRows.map { selectRows(x, $0, tape: tape) } ?? x
    let wantedPositions = readRows.map { rows in rows.map { pass.positions[$0] } } ?? pass.positions
    let q = rotaryEmbedding(
      queryNorm(query(wanted, tape: tape), tape: tape), table: rotation, positions: wantedPositions, tape: tape)

    let mixed = attend(
      q, k, v, queryCounts: readRows == nil ? pass.lengths : pass.readCounts, pass: pass, cache: cache, tape: tape)
    let x = add(residual, postAttentionNorm(output(mixed, tape: tape), tape: tape), tape: tape)
    let inner = gate.input(preFeedForwardNorm(x, tape: tape))
    let gated = gated(inner, mayFuse: cache != nil && tape == nil, tape: tape)
    return add(x, postFeedForwardNorm(down(gated, tape: tape), tape: tape), tape: tape)
  }

  /// The rows that `down` reads; fused only where a cache says that this is no training, whose second pass must repeat the first.
  private func gated(_ input: ProductInput, mayFuse: Bool, tape: Tape?) -> ProductInput {
    if mayFuse, down.weight.quantized == nil,
      let factor = gate.finished(input, activation: .tanhApproximation),
      let rounded = up.finished(input, factor: factor, as: down.weight.value.elementType)
    {
      return ProductInput(rounded: rounded)
    }
    return down.input(gatedGELU(gate: gate(input, tape: tape), up: up(input, tape: tape), tape: tape))
  }

  private func attend(
    _ q: Tensor, _ k: Tensor, _ v: Tensor, queryCounts: [Int], pass: DecoderPass, cache: KeyValueCache?, tape: Tape?
  ) -> Tensor {
    func layout(keyCounts: [Int]? = nil, keyStarts: [Int]? = nil, isCausal: Bool) -> AttentionLayout {
      AttentionLayout(
        queryCounts: queryCounts, keyCounts: keyCounts ?? pass.lengths, keyStarts: keyStarts, heads: config.headCount,
        keyValueHeads: config.keyValueHeadCount, headSize: config.headSize, scale: config.attentionScale,
        isCausal: isCausal, window: config.layerIsLocal[layer] ? config.window : nil)
    }
    guard let cache, !cache.isEmpty else {
      cache?.store(layer: layer, keys: k, values: v, counts: pass.lengths)
      return attention(q, k, v, layout: layout(isCausal: true), products: query.weight.value.elementType, tape: tape)
    }
    if pass.lengths.allSatisfy({ $0 == 1 }) {
      cache.store(layer: layer, keys: k, values: v, counts: pass.lengths)
      let stored = cache.stored(layer: layer)
      return attention(
        q, stored.keys, stored.values,
        layout: layout(keyCounts: stored.counts, keyStarts: stored.starts, isCausal: false),
        tape: nil)
    }
    let joined = cache.joined(layer: layer, keys: k, values: v, counts: pass.lengths)
    cache.store(layer: layer, keys: k, values: v, counts: pass.lengths)
    return attention(
      q, joined.keys, joined.values, layout: layout(keyCounts: joined.counts, isCausal: true),
      products: query.weight.value.elementType, tape: nil)
  }
}
