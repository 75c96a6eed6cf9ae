/// What an adapter adds to an affine map: scale · B A drop(x) (Hu et al. 2021, LoRA).
package struct LowRankTerm {
  /// A [rank, K] and B [N, rank], of the type of the map's weight.
  package let a: Parameter, b: Parameter
  /// Factor on the product.
  package let scale: Float
  /// Which numbers of x are dropped; nil for none.
  package let mask: DropoutMask?

  /// Collects the values.
  package init(a: Parameter, b: Parameter, scale: Float, mask: DropoutMask? = nil) {
    self.a = a
    self.b = b
    self.scale = scale
    self.mask = mask
  }

  /// The scale with that of the dropout. Numbers are dropped and not scaled, which is exact in every type.
  var factor: Float { mask.map { Float(Double(scale) * $0.scale) } ?? scale }
  /// Whether a gradient is wanted for either factor.
  var isTrainable: Bool { a.isTrainable || b.isTrainable }

  /// x as the term reads it.
  func dropped(_ x: Tensor) -> Tensor {
    guard let mask else { return x }
    let result = Tensor(uninitialized: x.shape, elementType: x.elementType, on: x.backend)
    x.backend.drop(x, mask, into: result)
    return result
  }
}
