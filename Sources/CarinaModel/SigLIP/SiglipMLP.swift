import CarinaTensor

/// SigLIP's MLP (transformers `SiglipMLP`): contract(gelu(expand(x))).
struct SiglipMLP {
  let expand: Linear, contract: Linear
  let activation: GELUKind

  /// Takes `prefix.fc1` and `prefix.fc2` from the source.
  init(_ source: ParameterSource, _ prefix: String, hiddenSize: Int, intermediateSize: Int, activation: GELUKind) {
    expand = Linear(source, "\(prefix).fc1", inputs: hiddenSize, outputs: intermediateSize)
    contract = Linear(source, "\(prefix).fc2", inputs: intermediateSize, outputs: hiddenSize)
    self.activation = activation
  }

  /// Rounds the maps to 8 bits, packed; see `Parameter.multiplyInBytes`.
  func multiplyInBytes() {
    for map in maps { map.weight.multiplyInBytes(packed: true) }
  }

  /// The maps.
  var maps: [Linear] { [expand, contract] }
  var parameters: [Parameter] { expand.parameters + contract.parameters }

  /// x [R, W] to a term of the same shape.
  func callAsFunction(_ x: Tensor, _ pass: LayerPass) -> LinearTerm {
    contract.term(expand.activated(expand.input(x), activation, for: contract, pass), pass)
  }
}
