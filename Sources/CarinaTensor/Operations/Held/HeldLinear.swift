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

/// What hands the gradient of an affine map of a held matrix on to its rows and weights.
struct HeldGradient {
  let rows: HeldRows, weight: Parameter, bias: Parameter?

  init(_ rows: HeldRows, _ weight: Parameter, _ bias: Parameter?) {
    self.rows = rows
    self.weight = weight
    self.bias = bias
  }

  var rowCount: Int { rows.operand.rows }

  /// Adds what the gradient [R, N] of the result brings.
  func add(_ gradient: Tensor) {
    if weight.value.elementType == .bfloat16, let backend = gradient.backend as? CPUBackend {
      return add(gradient, activated: nil, on: backend)
    }
    if let bias, bias.isTrainable {
      let isFresh = bias.gradient == nil
      gradient.backend.addColumnSums(gradient, to: bias.gradientForSums(isFresh: isFresh), isFresh: isFresh)
    }
    let narrow = MatrixFactor(gradient.converted(to: weight.value.elementType))
    if weight.isTrainable {
      let (target, isFresh) = weight.gradientForProduct()
      gradient.backend.multiply(
        narrow.transposed, MatrixFactor(rows.operand), into: target.reshaped(weight.matrix.shape),
        accumulate: !isFresh)
    }
    addToRows(narrow)
  }

  /// The same for bfloat16 in one pass over the gradient, which is rounded, transposed and summed; where `activated`
  /// stands after the map, the gradient is that of gelu(result).
  func add(_ gradient: Tensor, activated: (result: Tensor, kind: GELUKind)?, on backend: CPUBackend) {
    let shape = [rowCount, weight.matrix.rows], trainsWeight = weight.isTrainable
    let packed = trainsWeight && rows.isWorthPacking ? rows.packed : nil
    let needsRows = rows.node != nil || trainsWeight && packed == nil
    let rounded = needsRows ? Tensor(uninitialized: shape, elementType: .bfloat16, on: backend) : nil
    let transposed =
      packed == nil ? nil : Tensor(uninitialized: shape.reversed(), elementType: .bfloat16, on: backend)
    let sums = bias.flatMap { $0.isTrainable ? $0.gradientForAccumulation() : nil }
    guard rounded != nil || transposed != nil || sums != nil else { return }
    backend.roundBothWays(
      gradient, slopesOf: activated?.result, activated?.kind, into: rounded, transposed: transposed, sums: sums)
    if trainsWeight, let left = transposed.map({ MatrixFactor($0) }) ?? rounded.map({ MatrixFactor($0).transposed }) {
      let (target, isFresh) = weight.gradientForProduct()
      if packed?.multiply(MatrixOperand(left), into: target.floats, accumulate: !isFresh) != true {
        backend.multiply(
          left, MatrixFactor(rows.operand), into: target.reshaped(weight.matrix.shape), accumulate: !isFresh)
      }
    }
    if let rounded { addToRows(MatrixFactor(rounded)) }
  }

  private func addToRows(_ rounded: MatrixFactor) {
    let backend = rounded.tensor.backend, matrix = weight.matrix
    rows.node?.accumulateProducts(
      [rowCount, matrix.width], as: rows.gradientType, on: backend, canAdd: true
    ) { dx, adds in
      if adds || !weight.multiplyPrepared(rounded, isForward: false, into: dx) {
        backend.multiply(rounded, MatrixFactor(matrix), into: dx, accumulate: adds)
      }
    }
  }
}
