import CarinaTensor

/// The sizes and constants of a SigLIP text tower, as `text_config` of a "siglip" `config.json` gives them.
package struct TextEncoderConfig: Equatable, Sendable {
  /// Rows of the embedding table.
  package let vocabularySize: Int
  /// Length of every text: shorter ones are padded, the last position is pooled.
  package let maximumPositions: Int
  /// Width, MLP width, and the size of the pooled embedding.
  package let hiddenSize: Int, intermediateSize: Int, projectionSize: Int
  /// Transformer blocks and heads.
  package let layerCount: Int, headCount: Int
  /// ε of every layer norm.
  package let epsilon: Float
  /// The MLP's activation.
  package let activation: GELUKind
  /// The id that fills up short texts.
  package let padToken: Int

  /// Size of a head.
  package var headSize: Int { hiddenSize / headCount }

  /// Collects the values.
  package init(
    vocabularySize: Int, maximumPositions: Int, hiddenSize: Int, intermediateSize: Int, projectionSize: Int,
    layerCount: Int, headCount: Int, epsilon: Float = 1e-6, activation: GELUKind = .tanhApproximation, padToken: Int
  ) {
    self.vocabularySize = vocabularySize
    self.maximumPositions = maximumPositions
    self.hiddenSize = hiddenSize
    self.intermediateSize = intermediateSize
    self.projectionSize = projectionSize
    self.layerCount = layerCount
    self.headCount = headCount
    self.epsilon = epsilon
    self.activation = activation
    self.padToken = padToken
  }
}
