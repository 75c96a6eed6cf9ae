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
  /// Whether frozen factors are copied into layouts of a library's own, which memory forecasts count.
  var packsFactors: Bool { get }
  /// The most rows whose product with a stored matrix goes row by row of that matrix, as in decoding.
  var mostFewRows: Int { get }
}

/// What a backend keeps beside one frozen matrix so that products with it are faster. Made by `MatrixKernels.frozenFactor`.
package protocol FrozenFactor: AnyObject {
  /// Whether a copy in the library's own layout is made at the second use in a direction.
  var packsWhenRepeated: Bool { get set }
  /// The copy in 8 bits; nil unless `quantize` made it.
  var quantized: (any QuantizedFactor)? { get }
  /// Makes the copy in 8 bits.
  func quantize(_ matrix: Tensor)
  /// Drops the copies, because the numbers have changed or will.
  func forget()
  /// c = a Wᵀ (forward) or a W with what is kept of W, `matrix`; c densely stored.
  /// - Returns: whether it was done: not where the rows are few, the library has no such kernel, or it is the first time.
  func multiply(
    _ a: MatrixFactor, _ matrix: Tensor, isForward: Bool, into c: Tensor, epilogue: ProductEpilogue
  ) -> Bool
}

/// A matrix [N, K] in 8 bits with one scale a row.
package protocol QuantizedFactor: AnyObject {
  /// Bytes that it takes.
  var byteCount: Int { get }
  /// x Wᵀ for x [R, K] fp32, giving [R, N].
  func product(_ x: Tensor) -> Tensor
  /// Rows n of W for which W's own product with row `row` of x could be the largest, rising.
  /// - Parameter products: `product(x)`.
  /// - Returns: none when the products are no numbers.
  func candidates(_ x: Tensor, products: Tensor, row: Int) -> [Int]
}
