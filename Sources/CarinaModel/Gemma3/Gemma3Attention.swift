import CarinaTensor

/// Gemma 3's attention (transformers `Gemma3Attention`): grouped queries, queries and keys normed and rotated; local
/// layers see a window.
struct Gemma3Attention {
  private let query: Linear, key: Linear, value: Linear, output: Linear
  private let queryNorm: RMSNorm, keyNorm: RMSNorm
  private let config: DecoderConfig
  private let layer: Int

  /// Takes the four maps and two norms below `prefix` from the source.
  init(_ source: ParameterSource, _ prefix: String, _ config: DecoderConfig, layer: Int) {
    self.config = config
    self.layer = layer
    func projection(_ name: String, _ inputs: Int, _ outputs: Int) -> Linear {
      Linear(source, "\(prefix).\(name)", inputs: inputs, outputs: outputs, hasBias: false)
    }
    let width = config.hiddenSize
    query = projection("q_proj", width, config.headCount * config.headSize)
    key = projection("k_proj", width, config.keyValueHeadCount * config.headSize)
    value = projection("v_proj", width, config.keyValueHeadCount * config.headSize)
    output = projection("o_proj", config.headCount * config.headSize, width)
    queryNorm = RMSNorm(source, "\(prefix).q_norm", width: config.headSize, epsilon: config.epsilon)
    keyNorm = RMSNorm(source, "\(prefix).k_norm", width: config.headSize, epsilon: config.epsilon)
  }

  /// The matrices, together those that read the same rows.
  var matricesByInput: [[Parameter]] { [[query, key, value].map(\.weight), [output.weight]] }

  /// The maps.
  var maps: [Linear] { [query, key, value, output] }
  /// The weights of the maps, and those of the norms.
  var projections: [Parameter] { maps.flatMap(\.parameters) }
  var norms: [Parameter] { [queryNorm.weight, keyNorm.weight] }

  /// x [R, D] to [rows wanted, D]; see `Gemma3Block`.
  func callAsFunction(_ x: Tensor, pass: DecoderPass, readRows: [Int]?, cache: KeyValueCache?, tape: Tape?) -> Tensor {
    let shared = key.input(x)
    let rotation = config.layerIsLocal[layer] ? pass.localRotation : pass.globalRotation
    let k = keyNorm.rotated(key(shared, tape: tape), table: rotation, positions: pass.positions, tape: tape)
    let v = value(shared, tape: tape)
    let wanted = readRows.map { query.input(selectRows(x, $0, tape: tape)) } ?? shared
    let wantedPositions = readRows.map { rows in rows.map { pass.positions[$0] } } ?? pass.positions
    let q = queryNorm.rotated(query(wanted, tape: tape), table: rotation, positions: wantedPositions, tape: tape)
    let mixed = attend(
      q, k, v, queryCounts: readRows == nil ? pass.lengths : pass.readCounts, pass: pass, cache: cache, tape: tape)
    return output(mixed, tape: tape)
  }

  private func attend(
    _ q: Tensor, _ k: Tensor, _ v: Tensor, queryCounts: [Int], pass: DecoderPass, cache: KeyValueCache?, tape: Tape?
  ) -> Tensor {
    func layout(keyCounts: [Int]? = nil, keyStarts: [Int]? = nil, isCausal: Bool) -> AttentionLayout {
      AttentionLayout(
        queryCounts: queryCounts, keyCounts: keyCounts ?? pass.lengths, keyStarts: keyStarts, heads: config.headCount,
        keyValueHeads: config.keyValueHeadCount, headSize: config.headSize, scale: config.attentionScale,
        isCausal: isCausal, window: config.layerIsLocal[layer] ? config.window : nil,
        mutualRuns: isCausal ? pass.mutualRuns(keyCounts: keyCounts ?? pass.lengths) : nil)
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
