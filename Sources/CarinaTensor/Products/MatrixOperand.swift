/// One factor of a product in the host's memory: where it lies, its size as it is read, and whether it is read
/// transposed.
package struct MatrixOperand {
  let pointer: UnsafeRawPointer
  /// What owns the memory: a factor made of a tensor that nobody else holds must not lose it before the product.
  let keeper: AnyObject?
  let elementType: ElementType
  /// Rows and columns of the factor as the product sees it.
  let rows: Int
  let columns: Int
  /// Distance in elements between rows of the stored matrix.
  let stride: Int
  let isTransposed: Bool

  /// A factor whose tensor lies in the host's memory.
  init(_ factor: MatrixFactor) {
    let stored = MatrixOperand(
      factor.tensor, rows: factor.isTransposed ? factor.columns : factor.rows,
      columns: factor.isTransposed ? factor.rows : factor.columns)
    self = factor.isTransposed ? stored.transposed : stored
  }

  /// A tensor in the host's memory read as [rows, columns].
  init(_ tensor: Tensor, rows: Int, columns: Int) {
    precondition(rows * columns <= tensor.count, "\(rows) × \(columns) of \(tensor.shape)")
    self.init(
      pointer: tensor.pointer, elementType: tensor.elementType, rows: rows, columns: columns, stride: columns,
      keeper: tensor.storage)
  }

  /// Memory read as [rows, columns] with `stride` elements between rows; without a `keeper` the caller keeps it alive.
  package init(
    pointer: UnsafeRawPointer, elementType: ElementType, rows: Int, columns: Int, stride: Int,
    isTransposed: Bool = false, keeper: AnyObject? = nil
  ) {
    self.pointer = pointer
    self.keeper = keeper
    self.elementType = elementType
    self.rows = rows
    self.columns = columns
    self.stride = stride
    self.isTransposed = isTransposed
  }

  /// Elements between the rows, and between the columns, of the factor as the product sees it.
  var rowDistance: Int { isTransposed ? 1 : stride }
  var columnDistance: Int { isTransposed ? stride : 1 }

  /// The same memory read with rows and columns exchanged.
  package var transposed: MatrixOperand {
    MatrixOperand(
      pointer: pointer, elementType: elementType, rows: columns, columns: rows, stride: stride,
      isTransposed: !isTransposed, keeper: keeper)
  }

  func rowRange(_ range: Range<Int>) -> MatrixOperand {
    let skip = (isTransposed ? range.lowerBound : range.lowerBound * stride) * elementType.byteCount
    return MatrixOperand(
      pointer: pointer + skip, elementType: elementType, rows: range.count, columns: columns, stride: stride,
      isTransposed: isTransposed, keeper: keeper)
  }

  func columnRange(_ range: Range<Int>) -> MatrixOperand { transposed.rowRange(range).transposed }
}
