import CarinaTensor

/// Both towers of SigLIP with the temperature and bias of the sigmoid loss (Zhai et al. 2023; transformers
/// `SiglipModel`).
package final class SiglipModel {
  /// The image side.
  package let vision: VisionEncoder
  /// The text side.
  package let text: TextEncoder
  /// Logarithm of the factor on similarities, [1].
  package let logScale: Parameter
  /// Term added to the scaled similarities, [1].
  package let logitBias: Parameter

  /// Takes all weights from the source.
  /// - Parameter initialBias: where a fresh bias starts. The paper's −10 suits one positive among thousands of pairs;
  ///   the optimizer moves it by about the learning rate a step, so a start far from the log odds of a positive costs
  ///   the whole of a short run.
  package init(
    vision: VisionConfig, text: TextEncoderConfig, initialBias: Float = -10, from source: ParameterSource
  ) {
    self.vision = VisionEncoder(vision, from: source)
    self.text = TextEncoder(text, from: source)
    logScale = source.parameter("logit_scale", shape: [1], decays: true, initialization: .constant(2.3025851))
    logitBias = source.parameter("logit_bias", shape: [1], decays: false, initialization: .constant(initialBias))
  }

  /// What computes with the weights.
  package var backend: any Backend { logScale.value.backend }

  /// Every weight.
  package var parameters: [Parameter] { vision.parameters + text.parameters + [logScale, logitBias] }

  /// One embedding an image, before it is brought to length 1: [images, E]. Without a tape products are fused.
  package func imageEmbeddings(_ pixels: Tensor, count: Int, isCheckpointed: Bool = false, tape: Tape?) -> Tensor {
    let features = vision.features(pixels, count: count, isCheckpointed: isCheckpointed, tape: tape)
    guard let pooled = vision.pooled(features, count: count, tape: tape) else {
      preconditionFailure("a contrastive model needs a pooling head")
    }
    return pooled
  }

  /// The same of images that are a piece of a batch, whose weights are held: with a tape as without the digits are the
  /// same, and what the MLPs add is rounded to the weights' type.
  /// - Parameter kept: what the MLPs add, to be kept or as it was kept; nil to compute it and not to keep it.
  package func imageEmbeddingsInPieces(
    _ pixels: Tensor, count: Int, isCheckpointed: Bool = false, kept: KeptTerms? = nil, tape: Tape?
  ) -> Tensor {
    let features = vision.featuresInPieces(
      pixels, count: count, isCheckpointed: isCheckpointed, kept: kept, tape: tape)
    guard let pooled = vision.pooled(features, count: count, tape: tape) else {
      preconditionFailure("a contrastive model needs a pooling head")
    }
    return pooled
  }

  /// The sigmoid loss of a batch: `isPositive` [images · texts] says which text describes which image;
  /// `divisor` replaces the number of images in the mean when they are only a part of a step.
  package func loss(
    pixels: Tensor, count: Int, texts: [[Int]], isPositive: [Bool], divisor: Float? = nil, isCheckpointed: Bool = false,
    tape: Tape?
  ) -> (loss: Tensor, logits: Tensor) {
    let pooled = imageEmbeddings(pixels, count: count, isCheckpointed: isCheckpointed, tape: tape)
    let read = text.pooled(texts, isCheckpointed: isCheckpointed, tape: tape)
    return sigmoidContrastiveLoss(
      images: l2Normalize(pooled, tape: tape), texts: l2Normalize(read, tape: tape), isPositive: isPositive,
      logScale: logScale, bias: logitBias, divisor: divisor, tape: tape)
  }
}
