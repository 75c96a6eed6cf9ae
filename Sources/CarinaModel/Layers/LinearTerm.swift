import CarinaTensor

/// An affine map that is multiplied when it is added to something: the sum is left to the product where the pass allows
/// it.
struct LinearTerm {
  let map: Linear
  let input: ProductInput
  let pass: LayerPass

  /// x + map, of x's shape.
  static func + (x: Tensor, term: LinearTerm) -> Tensor {
    if term.pass.mayFuse, let sum = term.map.withEpilogue(term.input, summand: x, as: x.elementType) { return sum }
    return add(x, term.map(term.input, tape: term.pass.tape), tape: term.pass.tape)
  }
}
