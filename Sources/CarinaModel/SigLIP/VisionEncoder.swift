import CarinaTensor

/// SigLIP's vision tower (Zhai et al. 2023; transformers `SiglipVisionModel`): patches, learned positions, pre-norm
/// blocks, a last layer norm, and the pooling head where the checkpoint has one. No class token.
public final class VisionEncoder {
  /// Sizes and constants.
  package let config: VisionConfig
  private let patchWeight: Parameter, patchBias: Parameter, positions: Parameter
  let blocks: [SiglipBlock]
  private let postNorm: LayerNorm
  private let head: AttentionPoolingHead?

  /// Takes the weights, under the names of a full SigLIP checkpoint (`vision_model.…`), from the source.
  package init(_ config: VisionConfig, from source: ParameterSource) {
    self.config = config
    let width = config.hiddenSize, prefix = "vision_model"
    let inputs = config.channelCount * config.patchSize * config.patchSize
    patchWeight = source.parameter(
      "\(prefix).embeddings.patch_embedding.weight",
      shape: [width, config.channelCount, config.patchSize, config.patchSize],
      decays: true, initialization: .normal(standardDeviation: (1 / Double(inputs)).squareRoot()))
    patchBias = source.parameter(
      "\(prefix).embeddings.patch_embedding.bias", shape: [width], decays: false, initialization: .constant(0))
    // As large as the patches' own embeddings: with the usual 1/√W a small tower learns where things are only after
    // many epochs.
    positions = source.parameter(
      "\(prefix).embeddings.position_embedding.weight", shape: [config.patchCount, width], decays: true,
      initialization: .normal(standardDeviation: 0.5))
    blocks = (0..<config.layerCount).map { layer in
      SiglipBlock(
        source, "\(prefix).encoder.layers.\(layer)", hiddenSize: width, intermediateSize: config.intermediateSize,
        headCount: config.headCount, epsilon: config.epsilon, activation: config.activation)
    }
    postNorm = LayerNorm(source, "\(prefix).post_layernorm", width: width, epsilon: config.epsilon)
    for parameter in blocks.flatMap(\.parameters) where parameter.shape.count > 1 { parameter.packWhenFrozen() }
    head = config.hasPoolingHead ? AttentionPoolingHead(source, "\(prefix).head", config: config) : nil
  }

  /// Keeps the matrices as they lie in memory, where packed copies of them would not fit.
  package func leaveUnpacked() {
    for parameter in blocks.flatMap(\.parameters) { parameter.leaveUnpacked() }
  }

  /// Every affine map of the blocks.
  package var maps: [Linear] { blocks.flatMap(\.maps) }

  /// Rounds every matrix of the blocks to 8 bits, packed, and multiplies them in sums of bytes; the patches' own and the pooling
  /// head stay as they are.
  package func multiplyInBytes() {
    for matrices in matricesByInput { Parameter.multiplyInBytes(matrices, packed: true) }
  }

  /// Every matrix of the blocks, together those that read the same rows.
  package var matricesByInput: [[Parameter]] { blocks.flatMap(\.matricesByInput) }

  /// Whether the blocks' matrices are multiplied in sums of bytes.
  package var multipliesBytes: Bool { maps.contains { $0.weight.multipliesBytes } }

  /// The weights that features of this kind depend on: not the pooling head's, and before the last norm not the norm's.
  package func trainedParameters(for kind: VisionFeature) -> [Parameter] {
    [patchWeight, patchBias, positions] + blocks.flatMap(\.parameters)
      + (kind == .postNorm ? postNorm.parameters : [])
  }

  /// Every weight, the pooling head's included.
  package var parameters: [Parameter] { trainedParameters(for: .postNorm) + (head?.parameters ?? []) }

  /// Encodes images.
  ///
  /// - Parameters:
  ///   - pixels: `count` images of [channels, size, size], normalised as the checkpoint wants.
  ///   - observe: called with the state [B · P, W] after the embedding (0) and after each block (1…), for comparisons.
  /// - Returns: [B · P, W], patches row-major.
  public func features(
    _ pixels: Tensor, count: Int, kind: VisionFeature = .postNorm, isCheckpointed: Bool = false, tape: Tape?,
    observe: ((Int, Tensor) -> Void)? = nil
  ) -> Tensor {
    let lengths = [Int](repeating: config.patchCount, count: count)
    var x = embeddings(pixels, count: count, tape: tape)
    observe?(0, x)
    if tape == nil, !isCheckpointed, let state = stateInBytes(x, lengths: lengths, observe: observe) {
      return kind == .postNorm ? postNorm(state, tape: nil) : state
    }
    for (layer, block) in blocks.enumerated() {
      if isCheckpointed {
        x = checkpointed(x, tape: tape) { block($0, lengths: lengths, tape: $1) }
      } else {
        x = block(x, lengths: lengths, isFused: true, tape: tape)
      }
      observe?(layer + 1, x)
    }
    return kind == .postNorm ? postNorm(x, tape: tape) : x
  }

  /// The post-norm features of images that are a piece of a batch; see `SiglipBlock.inPieces`. Not checkpointed with
  /// kept terms.
  func featuresInPieces(
    _ pixels: Tensor, count: Int, isCheckpointed: Bool, kept: KeptTerms?, tape: Tape?
  ) -> Tensor {
    let lengths = [Int](repeating: config.patchCount, count: count)
    var x = embeddings(pixels, count: count, tape: tape)
    for block in blocks {
      if isCheckpointed {
        x = checkpointed(x, tape: tape) { block.inPieces($0, lengths: lengths, tape: $1) }
      } else {
        x = block.inPieces(x, lengths: lengths, kept: kept, tape: tape)
      }
    }
    return postNorm(x, tape: tape)
  }

  private func embeddings(_ pixels: Tensor, count: Int, tape: Tape?) -> Tensor {
    let patches = extractPatches(
      pixels, count: count, channels: config.channelCount, size: config.imageSize, patchSize: config.patchSize)
    let indices = (0..<count).flatMap { _ in 0..<config.patchCount }
    return add(
      linear(patches, patchWeight, patchBias, tape: tape), embedding(indices, positions, tape: tape), tape: tape)
  }

  /// One embedding an image from its post-norm features: [B · P, W] to [B, W]; nil without a pooling head.
  package func pooled(_ features: Tensor, count: Int, tape: Tape?) -> Tensor? {
    head.map { $0(features, count: count, tape: tape) }
  }
}
