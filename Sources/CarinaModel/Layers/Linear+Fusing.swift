import CarinaTensor

extension Linear {
  /// The map, with the bias left to the product where the pass allows it.
  func callAsFunction(_ input: ProductInput, _ pass: LayerPass) -> Tensor {
    (pass.mayFuse ? withEpilogue(input) : nil) ?? self(input, tape: pass.tape)
  }

  /// gelu of the map, as the rows that `next` reads.
  func activated(_ input: ProductInput, _ kind: GELUKind, for next: Linear, _ pass: LayerPass) -> ProductInput {
    if pass.mayFuse, next.weight.multipliesBytes, next.adapters.isEmpty {
      return ProductInput(activated: self(input, pass), kind, for: next.weight)
    }
    if pass.mayFuse, let inner = withEpilogue(input, activation: kind, as: next.weight.value.elementType) {
      return ProductInput(rounded: inner)
    }
    return next.input(gelu(self(input, pass), kind: kind, tape: pass.tape))
  }

  /// gelu of this map times `up`, tanh form, as the rows that `next` reads.
  func gating(_ up: Linear, _ input: ProductInput, for next: Linear, _ pass: LayerPass) -> ProductInput {
    if pass.mayFuse, next.weight.quantized == nil, up.adapters.isEmpty, weight.value.backend.multipliesInProducts,
      let factor = withEpilogue(input, activation: .tanhApproximation),
      let rounded = up.withEpilogue(input, factor: factor, as: next.weight.value.elementType)
    {
      return ProductInput(rounded: rounded)
    }
    if bias == nil, up.bias == nil,
      let rows = gatedRows(input, gate: adapted, up: up.adapted, for: next.adapted, tape: pass.tape)
    {
      return rows
    }
    return next.input(gatedGELU(gate: self(input, tape: pass.tape), up: up(input, tape: pass.tape), tape: pass.tape))
  }

  /// The map, where it has no bias, with what its adapters add at this moment.
  private var adapted: AdaptedMap { AdaptedMap(weight: weight, terms: adapters.terms) }

  /// The map of rows as a term of a sum that decides how it is multiplied.
  func term(_ input: ProductInput, _ pass: LayerPass) -> LinearTerm { LinearTerm(map: self, input: input, pass: pass) }

  /// The map with what follows it in one pass, off the tape; nil where that cannot be (see `linearWithEpilogue`), or an
  /// adapter stands beside it.
  func withEpilogue(
    _ input: ProductInput, activation: GELUKind? = nil, factor: Tensor? = nil, summand: Tensor? = nil,
    as type: ElementType? = nil
  ) -> Tensor? {
    guard adapters.isEmpty else { return nil }
    return linearWithEpilogue(
      input, weight, bias, activation: activation, factor: factor, summand: summand, as: type)
  }
}
