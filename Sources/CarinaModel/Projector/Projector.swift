import CarinaTensor

/// The MLP that carries vision features into the decoder's embedding space: Linear, GELU by the error function, Linear
/// (Liu et al. 2023, LLaVA-1.5; names as in the checkpoints of the Python recipe).
public final class Projector {
  /// Sizes.
  package let config: ProjectorConfig
  private let expand: Linear, contract: Linear

  /// Takes `model.0.…` and `model.2.…` from the source.
  package init(_ config: ProjectorConfig, from source: ParameterSource) {
    self.config = config
    expand = Linear(source, "model.0", inputs: config.inputSize, outputs: config.hiddenSize)
    contract = Linear(source, "model.2", inputs: config.hiddenSize, outputs: config.outputSize)
  }

  /// All four weights.
  package var parameters: [Parameter] { expand.parameters + contract.parameters }

  /// Features [R, W] to decoder rows [R, D]. They enter the decoder as they are, without the embedding scale.
  public func callAsFunction(_ features: Tensor, tape: Tape?) -> Tensor {
    contract(gelu(expand(features, tape: tape), kind: .exact, tape: tape), tape: tape)
  }
}
