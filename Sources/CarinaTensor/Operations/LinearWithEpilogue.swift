/// y = f(x Wᵀ + b) ∘ m + r in one pass over the result, off the tape, where the library of matrix products can.
///
/// - Parameters:
///   - input: x [R, K].
///   - weight: [N, K], bfloat16 and not in 8 bits; or fp32 or multiplied in bytes, where only bias and summand are left
///     to the product.
///   - bias: [N], or nil.
///   - activation: f; nil for none.
///   - factor: m [R, N]; nil for none.
///   - summand: r [R, N]; nil for none. Not with `factor`.
///   - type: what the result is rounded to, nil for as the backend stores activations; sums are in fp32.
/// - Returns: [R, N]; nil where it cannot be done in one pass, and nothing has happened. The activation of the library
///   differs from `gelu` by less than a rounding to bfloat16. In fp32 the digits are those of separate passes.
package func linearWithEpilogue(
  _ input: ProductInput, _ weight: Parameter, _ bias: Parameter?, activation: GELUKind? = nil, factor: Tensor? = nil,
  summand: Tensor? = nil, as resultType: ElementType? = nil
) -> Tensor? {
  precondition(factor == nil || summand == nil, "a factor and a summand")
  let rows = input.x.rows, matrix = weight.matrix, type = resultType ?? input.x.backend.activations
  if let bytes = weight.bytes {
    guard activation == nil, factor == nil, type == .float32 else { return nil }
    let out = Tensor(uninitialized: [rows, matrix.rows], on: input.x.backend)
    bytes.multiply(input.bytes(for: bytes), bias: bias?.value.converted(to: .float32), summand: summand, into: out)
    return out
  }
  let backend = input.x.backend
  guard weight.quantized == nil, weight.staysAsItIs, rows >= ProductEpilogue.fewestRows else { return nil }
  if weight.value.elementType != .bfloat16 {
    // Where `linear` leaves the bias to the product anyway, a pass over the result is not worth another product.
    guard activation == nil, factor == nil, type == .float32, !backend.addsBiasInProducts else { return nil }
  }
  precondition(matrix.width == input.x.width, "\(weight.name): expected rows of \(input.x.width), got \(weight.shape)")
  for other in [factor, summand] {
    precondition(other.map { $0.shape == [rows, matrix.rows] } ?? true, "another matrix of \(other?.shape ?? [])")
  }
  var epilogue = ProductEpilogue()
  epilogue.bias = bias?.value.converted(to: .float32)
  epilogue.activation = activation
  epilogue.other = factor ?? summand
  epilogue.otherMultiplies = factor != nil
  epilogue.elementType = type
  let out = Tensor(uninitialized: [rows, matrix.rows], elementType: type, on: backend)
  let left = MatrixFactor(input.operand, rows: rows, columns: matrix.width)
  if weight.multiplyPrepared(left, isForward: true, into: out, epilogue: epilogue) { return out }
  return backend.multiply(left, MatrixFactor(matrix).transposed, into: out, epilogue: epilogue) ? out : nil
}
