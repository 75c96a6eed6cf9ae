import COneDNN

/// What is done to each number of a product while it is still in the processor's cache: bias, activation, another
/// matrix, rounding.
///
/// As passes of their own over a large result these take a tenth of the time of the product.
package struct ProductEpilogue {
  /// [N] fp32, added to each row first.
  package var bias: Tensor?
  /// Then applied to each number.
  package var activation: GELUKind?
  /// Then added or multiplied, fp32 of the product's shape.
  package var other: Tensor?
  /// Whether `other` is a factor rather than a summand.
  package var otherMultiplies = false
  /// What the result is rounded to.
  package var elementType = ElementType.float32

  /// A product of fewer rows is a small part of the work, and in decoding goes another way: nothing is fused behind it,
  /// and its factor is not packed.
  package static let fewestRows = 64

  /// Nothing is done.
  package init() {}

  var kind: Kind {
    Kind(
      hasBias: bias != nil, activation: activation, hasOther: other != nil, otherMultiplies: otherMultiplies,
      elementType: elementType)
  }

  /// What a product has to be prepared for.
  struct Kind: Hashable {
    let hasBias: Bool, activation: GELUKind?, hasOther: Bool, otherMultiplies: Bool, elementType: ElementType

    func describe(_ shape: inout carina_matmul_shape) {
      shape.has_bias = hasBias ? 1 : 0
      switch activation {
      case nil: shape.activation = Int32(CARINA_ACTIVATION_NONE.rawValue)
      case .tanhApproximation: shape.activation = Int32(CARINA_ACTIVATION_GELU_TANH.rawValue)
      case .exact: shape.activation = Int32(CARINA_ACTIVATION_GELU_ERF.rawValue)
      }
      let other = otherMultiplies ? CARINA_OTHER_MULTIPLIED : CARINA_OTHER_ADDED
      shape.other = Int32((hasOther ? other : CARINA_OTHER_NONE).rawValue)
      shape.c_is_bfloat16 = elementType == .bfloat16 ? 1 : 0
    }
  }
}
