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
    switch form {
    case .mlp(let expand, let contract): [expand, contract]
    case .pooled: []
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
    switch layers {
    case .mlp(let expand, let contract):
      let rows = config.pooling.map { $0.averages(of: features, tape: tape) } ?? features
      return contract(gelu(expand(rows, tape: tape), kind: .exact, tape: tape), tape: tape)
    case .gemma3(let projection): return projection(features, tape: tape)
    }
  }
}

extension PatchPooling {
  /// Features [images · patches, W] to their averages [images · tokens, W].
  func averages(of features: Tensor, tape: Tape?) -> Tensor {
    averagePooling(features, grid: gridSize, outputs: tokensPerSide, tape: tape)
  }
}
