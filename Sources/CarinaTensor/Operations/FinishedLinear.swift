/// y = f(x Wᵀ + b) ∘ m + r in one pass over the result, off the tape, where the library of matrix products can.
///
/// - Parameters:
///   - input: x [R, K].
///   - weight: [N, K], bfloat16 and not in 8 bits.
///   - bias: [N], or nil.
///   - activation: f; nil for none.
///   - factor: m [R, N] fp32; nil for none.
///   - summand: r [R, N] fp32; nil for none. Not with `factor`.
///   - type: what the result is rounded to; sums are in fp32.
/// - Returns: [R, N]; nil where it cannot be done in one pass, and nothing has happened. The activation of the library differs from
///   `gelu` by less than a rounding to bfloat16.
package func finishedLinear(
  _ input: ProductInput, _ weight: Parameter, _ bias: Parameter?, activation: GELUKind? = nil, factor: Tensor? = nil,
  summand: Tensor? = nil, as type: ElementType = .float32
) -> Tensor? {
  precondition(factor == nil || summand == nil, "a factor and a summand")
  let rows = input.x.rows, matrix = weight.matrix
  guard weight.value.elementType == .bfloat16, weight.quantized == nil, !weight.isTrainable,
    rows >= Parameter.fewestPackedRows, let library = MatrixProduct.provider as? OneDNNProduct
  else { return nil }
  precondition(matrix.width == input.x.width, "\(weight.name): expected rows of \(input.x.width), got \(weight.shape)")
  for other in [factor, summand] {
    precondition(other.map { $0.shape == [rows, matrix.rows] } ?? true, "another matrix of \(other?.shape ?? [])")
  }
  var finish = ProductFinish()
  finish.bias = bias?.value.converted(to: .float32)
  finish.activation = activation
  finish.other = factor ?? summand
  finish.otherMultiplies = factor != nil
  finish.elementType = type
  let out = Tensor(uninitialized: [rows, matrix.rows], elementType: type)
  let left = MatrixOperand(input.operand, rows: rows, columns: matrix.width)
  if weight.multiplyPacked(left, isForward: true, into: out.pointer, finish: finish) { return out }
  let right = MatrixOperand(matrix, rows: matrix.rows, columns: matrix.width).transposed
  return library.multiply(left, right, into: out.pointer, finish: finish) ? out : nil
}
