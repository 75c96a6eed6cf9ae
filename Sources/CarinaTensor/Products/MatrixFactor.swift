/// One factor of a matrix product: a tensor without gaps, its size as the product reads it, and whether it is read
/// transposed.
package struct MatrixFactor {
  /// The numbers, [rows, columns], or [columns, rows] where they are read transposed.
  package let tensor: Tensor
  /// Rows and columns as the product sees them.
  package let rows: Int, columns: Int
  /// Whether rows and columns are exchanged.
  package let isTransposed: Bool

  /// A tensor read as [rows, columns].
  package init(_ tensor: Tensor, rows: Int, columns: Int) {
    precondition(rows * columns <= tensor.count, "\(rows) × \(columns) of \(tensor.shape)")
    self.init(tensor: tensor, rows: rows, columns: columns, isTransposed: false)
  }

  /// A tensor read as rows of its width.
  package init(_ tensor: Tensor) { self.init(tensor, rows: tensor.rows, columns: tensor.width) }

  private init(tensor: Tensor, rows: Int, columns: Int, isTransposed: Bool) {
    self.tensor = tensor
    self.rows = rows
    self.columns = columns
    self.isTransposed = isTransposed
  }

  /// The same numbers read with rows and columns exchanged.
  package var transposed: MatrixFactor {
    MatrixFactor(tensor: tensor, rows: columns, columns: rows, isTransposed: !isTransposed)
  }
}
