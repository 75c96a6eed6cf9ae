/// The sizes and constants of a SigLIP vision tower, as its `config.json` (`siglip_vision_model`, or `vision_config` of "siglip") gives them.
public struct VisionConfig: Equatable, Sendable {
  /// Side of the square input in pixels, and of a patch.
  public let imageSize: Int, patchSize: Int
  /// Colour planes of the input.
  public let channelCount: Int
  /// Width W, MLP width F.
  public let hiddenSize: Int, intermediateSize: Int
  /// Transformer blocks and heads.
  public let layerCount: Int, headCount: Int
  /// ε of every layer norm.
  public let epsilon: Float
  /// The MLP's activation.
  public let activation: GELUKind
  /// Whether the attention-pooling head follows.
  public let hasPoolingHead: Bool

  /// Patches along a side, and in all: P.
  public var grid: Int { imageSize / patchSize }
  /// Patches of an image, P.
  public var patchCount: Int { grid * grid }
  /// Size of a head.
  public var headSize: Int { hiddenSize / headCount }

  /// Collects the values.
  public init(
    imageSize: Int, patchSize: Int, channelCount: Int = 3, hiddenSize: Int, intermediateSize: Int, layerCount: Int,
    headCount: Int, epsilon: Float = 1e-6, activation: GELUKind = .tanhApproximation, hasPoolingHead: Bool = true
  ) {
    self.imageSize = imageSize
    self.patchSize = patchSize
    self.channelCount = channelCount
    self.hiddenSize = hiddenSize
    self.intermediateSize = intermediateSize
    self.layerCount = layerCount
    self.headCount = headCount
    self.epsilon = epsilon
    self.activation = activation
    self.hasPoolingHead = hasPoolingHead
  }
}
