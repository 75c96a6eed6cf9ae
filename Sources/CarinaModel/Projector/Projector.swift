import CarinaTensor

/// What carries vision features into the decoder's embedding space: an MLP of Linear, GELU by the error function, Linear
/// (Liu et al. 2023, LLaVA-1.5; names as in the checkpoints of the Python recipe), over the patches or over averages of
/// blocks of them, or Gemma 3's pooling, norm and matrix (Gemma Team 2025; names as in its checkpoints).
public final class Projector {
  private enum Layers {
    case mlp(expand: Linear, contract: Linear)
    case gemma3(PooledProjection)
  }

  /// Sizes.
  package let config: ProjectorConfig
  private let layers: Layers

  /// Takes `model.0.…` and `model.2.…` from the source, or the two weights of `PooledProjection`.
  package init(_ config: ProjectorConfig, from source: ParameterSource) {
    self.config = config
    layers =
      if config.form == .gemma3, let pooling = config.pooling {
        .gemma3(PooledProjection(config, pooling, from: source))
      } else {
        .mlp(
          expand: Linear(source, "model.0", inputs: config.inputSize, outputs: config.hiddenSize),
          contract: Linear(source, "model.2", inputs: config.hiddenSize, outputs: config.outputSize))
      }
  }

  /// Every affine map: the two of an MLP. The matrix of Gemma 3's form is none, as in PyTorch.
  package var maps: [Linear] {
    switch layers {
    case .mlp(let expand, let contract): [expand, contract]
    case .gemma3: []
    }
  }

  /// Every weight.
  package var parameters: [Parameter] {
    switch layers {
    case .mlp(let expand, let contract): expand.parameters + contract.parameters
    case .gemma3(let projection): projection.parameters
    }
  }

  /// Form and sizes in a few words, for the header of a run.
  public var summary: String { config.summary }

  /// Features [R, W] to decoder rows [R, D], or [R of pooled patches, D]. They enter the decoder as they are, without
  /// the embedding scale.
  public func callAsFunction(_ features: Tensor, tape: Tape?) -> Tensor {
    rows(ofPooled: pooled(features, tape: tape), tape: tape)
  }

  /// Features [R, W] as far as no weight is needed: averaged, [R of pooled patches, W], where the form begins with that,
  /// else as they are. What is kept of an image's features.
  package func pooled(_ features: Tensor, tape: Tape?) -> Tensor {
    guard let pooling = config.pooling else { return features }
    return averagePooling(features, grid: pooling.gridSize, outputs: pooling.tokensPerSide, tape: tape)
  }

  /// Decoder rows of what `pooled` gives.
  package func rows(ofPooled features: Tensor, tape: Tape?) -> Tensor {
    switch layers {
    case .mlp(let expand, let contract):
      contract(gelu(expand(features, tape: tape), kind: .exact, tape: tape), tape: tape)
    case .gemma3(let projection): projection.rows(ofPooled: features, tape: tape)
    }
  }
}
