/// The sizes and constants of a SigLIP text tower, as `text_config` of a "siglip" `config.json` gives them.
public struct TextEncoderConfig: Equatable, Sendable {
  /// Rows of the embedding table.
  public let vocabularySize: Int
  /// Length of every text: shorter ones are padded, the last position is pooled.
  public let maximumPositions: Int
  /// Width, MLP width, and the size of the pooled embedding.
  public let hiddenSize: Int, intermediateSize: Int, projectionSize: Int
  /// Transformer blocks and heads.
  public let layerCount: Int, headCount: Int
  /// ε of every layer norm.
  public let epsilon: Float
  /// The MLP's activation.
  public let activation: GELUKind
  /// The id that fills up short texts.
  public let padToken: Int

  /// Size of a head.
  public var headSize: Int { hiddenSize / headCount }

  /// Collects the values.
  public init(
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
