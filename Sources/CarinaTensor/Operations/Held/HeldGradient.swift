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
