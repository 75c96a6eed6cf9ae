import CarinaTensor

/// The sizes and constants of a SigLIP vision tower, as its `config.json` (`siglip_vision_model`, or `vision_config` of
/// "siglip") gives them.
package struct VisionConfig: Equatable, Sendable {
  /// Side of the square input in pixels, and of a patch.
  package let imageSize: Int, patchSize: Int
  /// Colour planes of the input.
  package let channelCount: Int
  /// Width W, MLP width F.
  package let hiddenSize: Int, intermediateSize: Int
  /// Transformer blocks and heads.
  package let layerCount: Int, headCount: Int
  /// ε of every layer norm.
  package let epsilon: Float
  /// The MLP's activation.
  package let activation: GELUKind
  /// Whether the attention-pooling head follows.
  package let hasPoolingHead: Bool

  /// Patches along a side, and in all: P.
  package var grid: Int { imageSize / patchSize }
  /// Patches of an image, P.
  package var patchCount: Int { grid * grid }
  /// Size of a head.
  package var headSize: Int { hiddenSize / headCount }

  /// Collects the values.
  package init(
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

  /// The same tower without its pooling head.
  package var withoutPoolingHead: VisionConfig {
    VisionConfig(
      imageSize: imageSize, patchSize: patchSize, channelCount: channelCount, hiddenSize: hiddenSize,
      intermediateSize: intermediateSize, layerCount: layerCount, headCount: headCount, epsilon: epsilon,
      activation: activation, hasPoolingHead: false)
  }
}
