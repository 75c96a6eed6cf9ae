import CarinaTensor

/// Gemma 3's gated MLP (transformers `Gemma3MLP`): down(gelu(gate(x)) · up(x)).
struct Gemma3MLP {
  private let gate: Linear, up: Linear, down: Linear

  /// Takes the three maps below `prefix` from the source.
  init(_ source: ParameterSource, _ prefix: String, _ config: DecoderConfig) {
    func projection(_ name: String, _ inputs: Int, _ outputs: Int) -> Linear {
      Linear(source, "\(prefix).\(name)", inputs: inputs, outputs: outputs, hasBias: false)
    }
    gate = projection("gate_proj", config.hiddenSize, config.intermediateSize)
    up = projection("up_proj", config.hiddenSize, config.intermediateSize)
    down = projection("down_proj", config.intermediateSize, config.hiddenSize)
  }

  /// The matrices, together those that read the same rows.
  var matricesByInput: [[Parameter]] { [[gate, up].map(\.weight), [down.weight]] }

  /// The maps.
  var maps: [Linear] { [gate, up, down] }
  var parameters: [Parameter] { maps.flatMap(\.parameters) }

  /// x [R, D] to the same shape.
  func callAsFunction(_ x: Tensor, _ pass: LayerPass) -> Tensor {
    down(gate.gating(up, gate.input(x), for: down, pass), tape: pass.tape)
  }
}
