/// The rows that several products read, rounded once for all of them, when the first asks.
package final class ProductInput {
  /// The rows as they are, with their node.
  let x: Tensor
  /// The type of the rows' gradient.
  let gradientType: ElementType
  private let type: ElementType
  /// The rows in the type of the weights.
  private(set) lazy var operand = rounded()
  /// The rows in 8 bits, and the columns' factors that they were rounded with.
  private var bytes: (rows: ByteRows, factors: Tensor?)?
  /// Whether only the rows in 8 bits are what products read.
  private let isActivated: Bool

  /// Rows that are in the type of the weights already.
  package init(rounded: Tensor) {
    x = rounded.detached
    type = rounded.elementType
    gradientType = type
    isActivated = false
  }

  /// gelu of rows x [R, K] fp32, for a map that multiplies bytes.
  package init(activated x: Tensor, _ kind: GELUKind, for weight: Parameter) {
    self.x = x.detached
    type = .float32
    gradientType = x.elementType
    isActivated = true
    let factors = weight.bytes?.columnFactors
    bytes = (x.backend.byteRows(x.detached, activation: kind, factors: factors), factors)
  }

  /// Rows x [R, K] fp32 for weights of this type.
  package init(_ x: Tensor, as type: ElementType) {
    self.x = x
    self.type = type
    gradientType = x.elementType
    isActivated = false
  }

  /// Rows [R, K] that were made in 8 bits.
  /// - Parameters:
  ///   - shape: a tensor of their shape, whose numbers are not theirs.
  ///   - node: where their gradient, fp32, is collected.
  ///   - factors: the columns' factors that they were rounded with.
  ///   - operand: the rows in the type of the weights, for adapters; nil where there are none.
  init(_ bytes: ByteRows, of shape: Tensor, node: GradientNode?, factors: Tensor?, operand: Tensor?) {
    var x = shape.detached
    x.node = node
    self.x = x
    type = .bfloat16
    gradientType = .float32
    isActivated = true
    self.bytes = (bytes, factors)
    if let operand { self.operand = operand }
  }

  /// The rows in 8 bits for products with this matrix; matrices that share factors share them.
  func bytes(for matrix: any QuantizedFactor) -> ByteRows {
    if let bytes, bytes.factors?.storage === matrix.columnFactors?.storage { return bytes.rows }
    precondition(!isActivated, "rows that only one map reads")
    let rows = x.backend.byteRows(
      x.detached.converted(to: .float32), activation: nil, factors: matrix.columnFactors)
    bytes = (rows, matrix.columnFactors)
    return rows
  }

  private func rounded() -> Tensor {
    precondition(!isActivated, "rows that only maps in bytes read")
    return x.detached.converted(to: type)
  }
}
