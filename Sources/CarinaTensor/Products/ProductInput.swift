/// The rows that several products read, rounded once for all of them, when the first asks.
package final class ProductInput {
  /// The rows as they are, with their node.
  let x: Tensor
  private let type: ElementType
  /// The rows in the type of the weights.
  private(set) lazy var operand = x.detached.converted(to: type)

  /// Rows that are in the type of the weights already.
  package init(rounded: Tensor) {
    x = rounded.detached
    type = rounded.elementType
  }

  /// Rows x [R, K] fp32 for weights of this type.
  package init(_ x: Tensor, as type: ElementType) {
    self.x = x
    self.type = type
  }
}
