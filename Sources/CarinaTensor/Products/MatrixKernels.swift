/// Products of matrices, and what a backend keeps of matrices that stay as they are.
package protocol MatrixKernels {
  /// c = a b, or c += a b; c is [a.rows, b.columns] fp32, the factors of one element type.
  func multiply(_ a: MatrixFactor, _ b: MatrixFactor, into c: Tensor, accumulate: Bool)
  /// c = a b with what the epilogue asks for in one pass.
  /// - Returns: false where that is not possible, and nothing has happened.
  func multiply(_ a: MatrixFactor, _ b: MatrixFactor, into c: Tensor, epilogue: ProductEpilogue) -> Bool
  /// Adds `bias` [W] to every row of `target` [R, W].
  func addBias(_ bias: Tensor, to target: Tensor)
  /// Adds the sums of the columns of x [R, W] to `target` [W], in an order that depends on R alone.
  func addColumnSums(_ x: Tensor, to target: Tensor)
  /// A new, empty keeper for one frozen matrix.
  func frozenFactor() -> any FrozenFactor
  /// A copy of a matrix in 8 bits.
  func quantized(_ matrix: Tensor) -> any QuantizedFactor
  /// The same of a matrix [rows, columns] that was rounded before, over its bytes.
  func quantized(rows: Int, columns: Int, storage: Storage) -> any QuantizedFactor
  /// Rows x [R, K] fp32 in 8 bits, after an activation where there is one, for `QuantizedFactor.multiply`.
  func byteRows(_ x: Tensor, activation: GELUKind?) -> ByteRows
  /// Whether frozen factors are copied into layouts of a library's own, which memory forecasts count.
  var packsFactors: Bool { get }
  /// The most rows whose product with a stored matrix goes row by row of that matrix, as in decoding.
  var mostFewRows: Int { get }
}
