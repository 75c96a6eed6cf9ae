/// Rows that products with held matrices read (`Parameter.hold`), in the type of those matrices, and where their gradient
/// goes.
package final class HeldRows {
  /// [R, K], in the type of the matrices.
  let operand: Tensor
  /// What collects their gradient, which is stored as `gradientType`; nil for nothing.
  let node: GradientNode?
  let gradientType: ElementType
  /// Whether a packed copy of the rows makes the product with their transposed gradient faster than the copy costs.
  var isWorthPacking: Bool { operand.rows >= 256 && operand.rows % 64 == 0 && operand.width % 64 == 0 }
  /// The rows packed as a right factor, for the gradients of the matrices that read them.
  private(set) lazy var packed: (any PackedFactor)? = (operand.backend as? CPUBackend)?.products.pack(
    MatrixOperand(operand, rows: operand.rows, columns: operand.width))

  /// Rows x [R, K] for matrices of this type.
  package init(_ x: Tensor, as type: ElementType) {
    operand = x.detached.converted(to: type)
    node = x.node
    gradientType = x.elementType
  }

  /// Rows in the type of the matrices, whose gradient is stored as the backend stores activations.
  init(rounded: Tensor) {
    operand = rounded.detached
    node = rounded.node
    gradientType = rounded.backend.activations
  }
}
