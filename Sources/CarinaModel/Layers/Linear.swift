import CarinaTensor

/// An affine map with its two weights: y = x Wᵀ + b.
package struct Linear {
  /// [outputs, inputs].
  package let weight: Parameter
  /// [outputs], or nil.
  package let bias: Parameter?
  /// The checkpoint's name of the map, without `.weight`.
  package let name: String
  /// The adapters beside it; none unless somebody puts them there.
  package let adapters = AdapterStack()

  /// Takes `prefix.weight` and, unless told otherwise, `prefix.bias` from the source.
  init(
    _ source: ParameterSource, _ prefix: String, inputs: Int, outputs: Int, hasBias: Bool = true,
    standardDeviation: Double? = nil
  ) {
    name = prefix
    let standardDeviation = standardDeviation ?? (1 / Double(inputs)).squareRoot()
    weight = source.parameter(
      "\(prefix).weight", shape: [outputs, inputs], decays: true,
      initialization: .normal(standardDeviation: standardDeviation))
    bias =
      hasBias
      ? source.parameter("\(prefix).bias", shape: [outputs], decays: false, initialization: .constant(0)) : nil
  }

  /// Both weights.
  var parameters: [Parameter] { [weight] + (bias.map { [$0] } ?? []) }

  /// x [R, inputs] to [R, outputs].
  func callAsFunction(_ x: Tensor, tape: Tape?) -> Tensor {
    adapters.isEmpty ? linear(x, weight, bias, tape: tape) : self(input(x), tape: tape)
  }

  /// The same of rows that other maps read too.
  func callAsFunction(_ input: ProductInput, tape: Tape?) -> Tensor {
    adapters.isEmpty
      ? linear(input, weight, bias, tape: tape) : linear(input, weight, bias, adding: adapters.terms, tape: tape)
  }

  /// Rounds rows once for this map and others with weights of the same type.
  func input(_ x: Tensor) -> ProductInput { ProductInput(x, as: weight.value.elementType) }
}
