/// x Wᵀ + b (+ r) of a held matrix: with a tape as without, what follows the product is left to it, so that the two passes
/// of a batch in pieces make the same digits.
///
/// - Parameters:
///   - rows: x [R, K].
///   - weight: [N, K], held or frozen.
///   - bias: [N], or nil.
///   - summand: r [R, N] fp32; nil for none. Not with `known`.
///   - known: the result, where an earlier pass has kept it; nil to compute it.
///   - type: what the result is rounded to; sums are in fp32.
/// - Returns: [R, N].
package func heldLinear(
  _ rows: HeldRows, _ weight: Parameter, _ bias: Parameter?, summand: Tensor? = nil, known: Tensor? = nil,
  as type: ElementType, tape: Tape?
) -> Tensor {
  precondition(known == nil || summand == nil, "a result that is known with a summand")
  let matrix = weight.matrix
  precondition(
    matrix.width == rows.operand.width, "\(weight.name): expected rows of \(rows.operand.width), got \(weight.shape)")
  let out = known?.detached ?? heldProduct(rows.operand, weight, bias, summand: summand, as: type)
  let trainsBias = bias?.isTrainable ?? false
  guard let tape, rows.node != nil || weight.isTrainable || trainsBias || summand?.node != nil else { return out }
  let gradient = HeldGradient(rows, weight, bias), summandNode = summand?.node
  return tape.record(out, parameter: weight) { dout in
    gradient.add(dout.reshaped([gradient.rowCount, matrix.rows]))
    summandNode?.accumulate(dout, isFresh: false)
  }
}

/// The product and what follows it, [R, N].
private func heldProduct(
  _ x: Tensor, _ weight: Parameter, _ bias: Parameter?, summand: Tensor?, as type: ElementType
) -> Tensor {
  let backend = x.backend, matrix = weight.matrix, left = MatrixFactor(x)
  let shift = bias?.value.converted(to: .float32)
  if weight.value.elementType == .bfloat16, weight.staysAsItIs, x.rows >= ProductEpilogue.fewestRows {
    var epilogue = ProductEpilogue()
    epilogue.bias = shift
    epilogue.other = summand?.detached
    epilogue.elementType = type
    let out = Tensor(uninitialized: [x.rows, matrix.rows], elementType: type, on: backend)
    if weight.multiplyPrepared(left, isForward: true, into: out, epilogue: epilogue)
      || backend.multiply(left, MatrixFactor(matrix).transposed, into: out, epilogue: epilogue)
    {
      return out
    }
  }
  let out = Tensor(uninitialized: [x.rows, matrix.rows], on: backend)
  if !weight.multiplyPrepared(left, isForward: true, into: out) {
    backend.multiply(left, MatrixFactor(matrix).transposed, into: out, accumulate: false)
  }
  if let shift { backend.addBias(shift, to: out) }
  if let summand { backend.add(out, summand.detached, into: out) }
  return out.converted(to: type)
}
