/// What the adapters beside one map compute in a pass, and what their gradients are made of.
struct AdapterPass {
  private let terms: [LowRankTerm]
  /// x in the weights' type, [R, K]; kept only for a trained A.
  private let x: Tensor?
  /// scale · A drop(x) of each term in the weights' type, [R, rank].
  private let inner: [Tensor]

  /// Multiplies rows x [R, K] in the weights' type by every A.
  init(_ terms: [LowRankTerm], _ x: Tensor) {
    self.terms = terms
    self.x = terms.contains { $0.a.isTrainable } ? x : nil
    inner = terms.map { term in
      scaledProduct(
        MatrixFactor(term.dropped(x)), MatrixFactor(term.a.matrix).transposed, term.factor, as: x.elementType)
    }
  }

  /// Whether a gradient is wanted for any factor.
  var isTrained: Bool { terms.contains(where: \.isTrainable) }

  /// Adds what every B makes of them to `out` [R, N].
  func add(to out: Tensor) {
    for (term, inner) in zip(terms, inner) {
      addProduct(MatrixFactor(inner), MatrixFactor(term.b.matrix).transposed, to: out)
    }
  }

  /// The same alone, [R, N] fp32: what a product of bytes adds to its own sums.
  func sum(outputs: Int) -> Tensor {
    let out = Tensor(uninitialized: [inner.first?.rows ?? 0, outputs], on: terms[0].b.value.backend)
    for (index, (term, inner)) in zip(terms, inner).enumerated() {
      let factors = (MatrixFactor(inner), MatrixFactor(term.b.matrix).transposed)
      if index == 0 {
        out.backend.multiply(factors.0, factors.1, into: out, accumulate: false)
      } else {
        addProduct(factors.0, factors.1, to: out)
      }
    }
    return out
  }

  /// Hands a gradient [R, N] in the weights' type on to the factors, and adds it to dx [R, K] where that is wanted.
  func propagate(_ gradient: MatrixFactor, to dx: Tensor?) {
    let backend = gradient.tensor.backend, type = gradient.tensor.elementType
    for (index, term) in terms.enumerated() {
      if term.b.isTrainable {
        let (target, isFresh) = term.b.gradientForProduct()
        backend.multiply(
          gradient.transposed, MatrixFactor(inner[index]), into: target.reshaped(term.b.matrix.shape),
          accumulate: !isFresh)
      }
      guard term.a.isTrainable || dx != nil else { continue }
      let dinner = MatrixFactor(scaledProduct(gradient, MatrixFactor(term.b.matrix), term.factor, as: type))
      if term.a.isTrainable, let x {
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
