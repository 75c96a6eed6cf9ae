/// y = x Wᵀ + b + Σ scale · B A drop(x): an affine map whose own weights are frozen, with adapters beside it (Hu et al.
/// 2021, LoRA).
///
/// - Parameters:
///   - input: x [R, K].
///   - weight: [N, K], frozen.
///   - bias: [N], frozen, or nil.
///   - terms: the adapters; their sums are added in this order.
/// - Returns: [R, N]. In bfloat16 (the weights' type) x and scale · A drop(x) are rounded before the products; sums
///   are in fp32.
package func linear(
  _ input: ProductInput, _ weight: Parameter, _ bias: Parameter?, adding terms: [LowRankTerm], tape: Tape?
) -> Tensor {
  precondition(!weight.isTrainable && bias?.isTrainable != true, "\(weight.name) is trained and has an adapter")
  let out = linear(input, weight, bias, tape: nil)
  let x = input.operand, rows = out.rows, type = weight.value.elementType, backend = out.backend
  let inner = terms.map { term in
    let inner = scaledProduct(
      MatrixFactor(term.dropped(x)), MatrixFactor(term.a.matrix).transposed, term.factor, as: type)
    addProduct(MatrixFactor(inner), MatrixFactor(term.b.matrix).transposed, to: out)
    return inner
  }
  let trains = terms.contains(where: \.isTrainable), xNode = input.x.node
  guard let tape, xNode != nil || trains else { return out }

  let inputType = input.x.elementType
  let saved = SavedTerms(x: terms.contains { $0.a.isTrainable } ? x : nil, inner: trains ? inner : [])
  return tape.record(out) { dout in
    let gradient = MatrixFactor(dout.reshaped([rows, weight.matrix.rows]).converted(to: type))
    /// Hands the gradient on to the factors, and to x where dx is wanted: fills it, or adds to it.
    func propagate(to dx: Tensor?, adds: Bool) {
      if let dx, let bytes = weight.bytes {
        bytes.multiplyBack(dout.reshaped([rows, weight.matrix.rows]), into: dx)
      } else if let dx, adds || !weight.multiplyPrepared(gradient, isForward: false, into: dx) {
        backend.multiply(gradient, MatrixFactor(weight.matrix), into: dx, accumulate: adds)
      }
      for (index, term) in terms.enumerated() {
        if term.b.isTrainable {
          let (target, isFresh) = term.b.gradientForProduct()
          backend.multiply(
            gradient.transposed, MatrixFactor(saved.inner[index]), into: target.reshaped(term.b.matrix.shape),
            accumulate: !isFresh)
        }
        guard term.a.isTrainable || dx != nil else { continue }
        let dinner = MatrixFactor(scaledProduct(gradient, MatrixFactor(term.b.matrix), term.factor, as: type))
        if term.a.isTrainable, let x = saved.x {
          let (target, isFresh) = term.a.gradientForProduct()
          backend.multiply(
            dinner.transposed, MatrixFactor(term.dropped(x)), into: target.reshaped(term.a.matrix.shape),
            accumulate: !isFresh)
        }
        guard let dx else { continue }
        if let mask = term.mask {
          let kept = Tensor(uninitialized: dx.shape, elementType: dx.elementType, on: backend)
          backend.multiply(dinner, MatrixFactor(term.a.matrix), into: kept, accumulate: false)
          backend.addKept(kept, mask, to: dx)
        } else {
          backend.multiply(dinner, MatrixFactor(term.a.matrix), into: dx, accumulate: true)
        }
      }
    }
    guard let xNode else { return propagate(to: nil, adds: false) }
    xNode.accumulateProducts([rows, weight.matrix.width], as: inputType, on: backend, canAdd: weight.bytes == nil) {
      propagate(to: $0, adds: $1)
    }
  }
}

/// factor · a b in `type`, from sums in fp32: rounded once where the backend stores products so.
private func scaledProduct(
  _ a: MatrixFactor, _ b: MatrixFactor, _ factor: Float, as type: ElementType
) -> Tensor {
  let backend = a.tensor.backend
  let product = Tensor(
    uninitialized: [a.rows, b.columns], elementType: type == backend.activations ? type : .float32, on: backend)
  backend.multiply(a, b, into: product, scaledBy: factor)
  return product.converted(to: type)
}

/// c += a b; few rows go the way of decoding, which writes a result of its own.
private func addProduct(_ a: MatrixFactor, _ b: MatrixFactor, to c: Tensor) {
  guard a.rows <= c.backend.mostFewRows else { return c.backend.multiply(a, b, into: c, accumulate: true) }
  let product = Tensor(uninitialized: [a.rows, b.columns], elementType: c.elementType, on: c.backend)
  c.backend.multiply(a, b, into: product, accumulate: false)
  c.backend.add(c, product, into: c)
}

private struct SavedTerms {
  /// x in the weights' type, [R, K]; only a trained A needs it.
  let x: Tensor?
  /// scale · A drop(x) of each term in the weights' type, [R, rank]; only a trained B needs it.
  let inner: [Tensor]
}
