/// Products of matrices, and what a backend keeps of matrices that stay as they are.
package protocol MatrixKernels {
  /// c = a b, or c += a b; c is [a.rows, b.columns] fp32 or of the backend's activations, the factors of one element
  /// type.
  func multiply(_ a: MatrixFactor, _ b: MatrixFactor, into c: Tensor, accumulate: Bool)
  /// c = factor · a b, for c of the same types.
  func multiply(_ a: MatrixFactor, _ b: MatrixFactor, into c: Tensor, scaledBy factor: Float)
  /// c = a b with what the epilogue asks for in one pass.
  /// - Returns: false where that is not possible, and nothing has happened.
  func multiply(_ a: MatrixFactor, _ b: MatrixFactor, into c: Tensor, epilogue: ProductEpilogue) -> Bool
  /// Adds `bias` [W] to every row of `target` [R, W].
  func addBias(_ bias: Tensor, to target: Tensor)
  /// Adds the sums of the columns of x [R, W] to `target` [W], in an order that depends on R alone.
  func addColumnSums(_ x: Tensor, to target: Tensor)
  /// The same; where `isFresh`, nothing stands in the target yet.
  func addColumnSums(_ x: Tensor, to target: Tensor, isFresh: Bool)
  /// A new, empty keeper for one frozen matrix.
  func frozenFactor() -> any FrozenFactor
  /// A copy of a matrix in 8 bits.
  /// - Parameter columnFactors: see `QuantizedFactor.columnFactors`.
  func quantized(_ matrix: Tensor, columnFactors: Tensor?) -> any QuantizedFactor
  /// Factors [K] fp32 for the columns of matrices [N, K] that read the same rows: 1, but for columns that are far
  /// smaller or larger than the usual one, root mean squares compared, when the largest number of each row is 1; these
  /// have the power of two that is next to their size in parts of the usual one.
  func columnFactors(of matrices: [Tensor]) -> Tensor
  /// The same of a matrix [rows, columns] that was rounded before, over its bytes.
  func quantized(rows: Int, columns: Int, storage: Storage) -> any QuantizedFactor
  /// Rows x [R, K] fp32 in 8 bits, after an activation where there is one, for `QuantizedFactor.multiply`.
  /// - Parameter factors: the matrix's `columnFactors`.
  func byteRows(_ x: Tensor, activation: GELUKind?, factors: Tensor?) -> ByteRows
  /// Whether frozen factors are copied into layouts of a library's own, which memory forecasts count.
  var packsFactors: Bool { get }
  /// Whether a library prepares products of this type for each size that comes up, which memory forecasts count.
  func preparesProducts(_ type: ElementType) -> Bool
  /// Whether an epilogue can multiply with another matrix.
  var multipliesInProducts: Bool { get }
  /// Whether a product that is recorded adds the bias by its epilogue: where that makes the same digits, or saves a
  /// rounding.
  var addsBiasInProducts: Bool { get }
  /// Whether products that make parts of one gradient add to it, rather than each giving a matrix that is added
  /// afterwards: where that saves passes over memory. Sums come in the same order, with fewer roundings.
  var addsGradientsInProducts: Bool { get }
  /// The most rows whose product with a stored matrix goes row by row of that matrix, as in decoding.
  var mostFewRows: Int { get }
}

extension MatrixKernels where Self: TensorMemory {
  /// Zeros first.
  package func addColumnSums(_ x: Tensor, to target: Tensor, isFresh: Bool) {
    if isFresh { fillWithZeros(target) }
    addColumnSums(x, to: target)
  }
}

extension MatrixKernels {
  /// It can.
  package var multipliesInProducts: Bool { true }
  /// It is added afterwards.
  package var addsBiasInProducts: Bool { false }
  /// They are added afterwards.
  package var addsGradientsInProducts: Bool { false }
  /// A copy of a matrix in 8 bits, its columns as they are.
  package func quantized(_ matrix: Tensor) -> any QuantizedFactor { quantized(matrix, columnFactors: nil) }
}
