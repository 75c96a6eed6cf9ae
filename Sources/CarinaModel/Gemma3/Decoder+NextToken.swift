import CarinaTensor

extension Decoder {
  /// The states after one more token of each sequence, by the backend's `TokenDecoder`; nil where it has none or this is no such
  /// pass, and nothing has happened.
  func nextStates(_ x: Tensor, _ pass: DecoderPass, _ cache: KeyValueCache) -> Tensor? {
    guard !cache.isEmpty, pass.lengths.allSatisfy({ $0 == 1 }), let decoder = backend.tokenDecoder,
      pass.lengths.count <= decoder.mostRows
    else { return nil }
    let weights = cache.decodingWeights ?? blocks.compactMap(\.decodingWeights)
    guard weights.count == blocks.count,
      weights.allSatisfy({
        $0.query.elementType == .bfloat16 && decoder.takes($0, headSize: config.headSize)
      })
    else { return nil }
    cache.decodingWeights = weights
    var state = ResidualSum(x: x), layouts: [Bool: AttentionLayout] = [:]
    for (layer, block) in weights.enumerated() {
      let isLocal = config.layerIsLocal[layer], stored = cache.stored(layer: layer)
      let layout =
        layouts[isLocal]
        ?? AttentionLayout(
          queryCounts: pass.lengths, keyCounts: stored.counts, keyStarts: stored.starts, heads: config.headCount,
          keyValueHeads: config.keyValueHeadCount, headSize: config.headSize, scale: config.attentionScale,
          isCausal: false)
      layouts[isLocal] = layout
      state = decoder.decode(
        state, through: block, rotation: isLocal ? pass.localRotation : pass.globalRotation, positions: pass.positions,
        cache: (stored.keys, stored.values, cache.nextRows(layer: layer)), layout: layout)
    }
    cache.advance(pass.lengths)
    return decoder.states(state, gain: finalNorm.weight.value.converted(to: .float32), epsilon: finalNorm.epsilon)
  }
}
