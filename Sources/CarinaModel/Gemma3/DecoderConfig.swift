/// The sizes and constants of a Gemma 3 text decoder, as its `config.json` (`model_type` "gemma3_text", or
/// `text_config` of "gemma3" or "llava") gives them.
package struct DecoderConfig: Equatable, Sendable {
  /// Rows of the embedding table, V.
  package let vocabularySize: Int
  /// Width of the residual stream, D.
  package let hiddenSize: Int
  /// Width of the gated MLP, F.
  package let intermediateSize: Int
  /// Query heads H, key-value heads K, size of a head E.
  package let headCount: Int, keyValueHeadCount: Int, headSize: Int
  /// One entry a layer: does it attend within `window` only?
  package let layerIsLocal: [Bool]
  /// Keys that a local layer sees, the query's own included.
  package let window: Int
  /// Rotary bases of the local and the global layers.
  package let localRotaryBase: Double, globalRotaryBase: Double
  /// Linear scaling of the global layers' positions; 1 for none.
  package let globalRotaryScale: Double
  /// Factor on attention scores: `query_pre_attn_scalar`^−1/2.
  package let attentionScale: Float
  /// ε of every RMS norm.
  package let epsilon: Float
  /// Longest sequence that the model was made for.
  package let maximumPositions: Int
  /// Ids at which generation stops, and the padding and beginning ids where the config names them.
  package let endTokens: [Int], padToken: Int?, beginToken: Int?
  /// Whether the output head is a table of its own instead of the embedding's.
  package let hasOwnHead: Bool

  /// How many transformer blocks.
  package var layerCount: Int { layerIsLocal.count }

  /// Collects the values.
  package init(
    vocabularySize: Int, hiddenSize: Int, intermediateSize: Int, headCount: Int, keyValueHeadCount: Int, headSize: Int,
    layerIsLocal: [Bool], window: Int, localRotaryBase: Double, globalRotaryBase: Double, globalRotaryScale: Double = 1,
    attentionScale: Float, epsilon: Float = 1e-6, maximumPositions: Int, endTokens: [Int], padToken: Int?,
    beginToken: Int?, hasOwnHead: Bool = false
  ) {
    self.vocabularySize = vocabularySize
    self.hiddenSize = hiddenSize
    self.intermediateSize = intermediateSize
    self.headCount = headCount
    self.keyValueHeadCount = keyValueHeadCount
    self.headSize = headSize
    self.layerIsLocal = layerIsLocal
    self.window = window
    self.localRotaryBase = localRotaryBase
    self.globalRotaryBase = globalRotaryBase
    self.globalRotaryScale = globalRotaryScale
    self.attentionScale = attentionScale
    self.epsilon = epsilon
    self.maximumPositions = maximumPositions
    self.endTokens = endTokens
    self.padToken = padToken
    self.beginToken = beginToken
    self.hasOwnHead = hasOwnHead
  }

  /// The same decoder with or without an output head of its own, and with other ends.
  package func with(hasOwnHead: Bool? = nil, endTokens: [Int]? = nil) -> DecoderConfig {
    DecoderConfig(
      vocabularySize: vocabularySize, hiddenSize: hiddenSize, intermediateSize: intermediateSize, headCount: headCount,
      keyValueHeadCount: keyValueHeadCount, headSize: headSize, layerIsLocal: layerIsLocal, window: window,
      localRotaryBase: localRotaryBase, globalRotaryBase: globalRotaryBase, globalRotaryScale: globalRotaryScale,
      attentionScale: attentionScale, epsilon: epsilon, maximumPositions: maximumPositions,
      endTokens: endTokens ?? self.endTokens, padToken: padToken, beginToken: beginToken,
      hasOwnHead: hasOwnHead ?? self.hasOwnHead)
  }
}

extension DecoderConfig: CustomReflectable {
  /// The values in order. Runs of stage 0 keep them as text, so the head, which is the embedding there, is named only
  /// where it is not.
  package var customMirror: Mirror {
    var children: [(label: String, value: Any)] = [
      ("vocabularySize", vocabularySize), ("hiddenSize", hiddenSize), ("intermediateSize", intermediateSize),
      ("headCount", headCount), ("keyValueHeadCount", keyValueHeadCount), ("headSize", headSize),
      ("layerIsLocal", layerIsLocal), ("window", window), ("localRotaryBase", localRotaryBase),
      ("globalRotaryBase", globalRotaryBase), ("globalRotaryScale", globalRotaryScale),
      ("attentionScale", attentionScale), ("epsilon", epsilon), ("maximumPositions", maximumPositions),
      ("endTokens", endTokens), ("padToken", padToken as Any), ("beginToken", beginToken as Any),
    ]
    if hasOwnHead { children.append(("hasOwnHead", hasOwnHead)) }
    return Mirror(self, children: children.map { (label: $0.label, value: $0.value) }, displayStyle: .struct)
  }
}
