import CCUDA
import CarinaRuntime
import CarinaTensor

extension CUDABackend: MatrixKernels {
  /// See `MatrixKernels`; c may be bfloat16 too.
  package func multiply(_ a: MatrixFactor, _ b: MatrixFactor, into c: Tensor, accumulate: Bool) {
    multiply(a, b, into: c, accumulate: accumulate, factor: 1)
  }

  /// See `MatrixKernels`; c may be bfloat16 too, and is rounded once.
  package func multiply(_ a: MatrixFactor, _ b: MatrixFactor, into c: Tensor, scaledBy factor: Float) {
    multiply(a, b, into: c, accumulate: false, factor: factor)
  }

  /// c = factor · a b, or c += factor · a b.
  private func multiply(_ a: MatrixFactor, _ b: MatrixFactor, into c: Tensor, accumulate: Bool, factor: Float) {
    precondition(a.columns == b.rows, "[\(a.rows), \(a.columns)] times [\(b.rows), \(b.columns)]")
    precondition(
      a.tensor.elementType == b.tensor.elementType,
      "factors of \(a.tensor.elementType) and \(b.tensor.elementType)")
    precondition(a.rows * b.columns <= c.count, "[\(a.rows), \(b.columns)] into \(c.shape)")
    guard a.rows > 0, b.columns > 0 else { return }
    guard a.columns > 0 else {
      if !accumulate { fillWithZeros(c) }
      return
    }
    if !accumulate, factor == 1, suitsFewRows(a, b) {
      return multiplyFewRows(a.dense([a.rows, a.columns]), b.dense([b.columns, b.rows]), into: c)
    }
    if !run(a, b, into: c, factor: factor, adding: accumulate ? c : nil, epilogue: .none, bias: nil) {
      note(CUDAErrors.failed("[\(a.rows), \(a.columns)] times [\(b.rows), \(b.columns)]", "no algorithm in cuBLASLt"))
    }
  }

  /// See `MatrixKernels`: bias, the tanh form of GELU and a summand.
  package func multiply(_ a: MatrixFactor, _ b: MatrixFactor, into c: Tensor, epilogue: ProductEpilogue) -> Bool {
    guard a.rows > 0, b.columns > 0, a.columns > 0, !epilogue.otherMultiplies,
      epilogue.other.map({ $0.elementType == c.elementType }) ?? true, epilogue.activation != .exact
    else { return false }
    let kind = MatrixEpilogue(hasBias: epilogue.bias != nil, hasGELU: epilogue.activation != nil)
    // cuBLASLt takes a bias of the result's type.
    let bias = epilogue.bias?.converted(to: c.elementType)
    return run(a, b, into: c, adding: epilogue.other, epilogue: kind, bias: bias)
  }

  /// d = factor · a b + c, in row-major words; cuBLASLt computes the transposed product in its column-major ones.
  private func run(
    _ a: MatrixFactor, _ b: MatrixFactor, into d: Tensor, factor: Float = 1, adding c: Tensor?,
    epilogue: MatrixEpilogue, bias: Tensor?
  ) -> Bool {
    guard !hasFailed else { return true }
    let addresses = [a.tensor, b.tensor, d, c ?? d].map(\.deviceAddress)
    let alignment = min(256, addresses.map { 1 << $0.trailingZeroBitCount }.min() ?? 1)
    let shape = MatrixPlans.Shape(
      m: b.columns, n: a.rows, k: a.columns, aStride: b.isTransposed ? b.rows : b.columns,
      bStride: a.isTransposed ? a.rows : a.columns, dStride: b.columns, aTransposed: b.isTransposed,
      bTransposed: a.isTransposed, factors: a.tensor.elementType, result: d.elementType, epilogue: epilogue.code,
      bias: d.elementType, alignment: alignment)
    makeCurrent()
    guard let plan = plans.plan(shape) else { return false }
    let bytes = plan.pointee.workspaceBytes
    let workspace = bytes > 0 ? Tensor(uninitialized: [bytes], elementType: .uint8, on: self) : nil
    func queue() -> Int32 {
      // What lies in memory of its own must stay until the product is queued; a plan is one thread's at a time, as it holds addresses.
      withExtendedLifetime((a, b, c, d, bias, workspace)) {
        plans.running {
          carina_matrix_run(
            libraries.products, plans.handle, plan, b.tensor.deviceAddress, a.tensor.deviceAddress,
            (c ?? d).deviceAddress, d.deviceAddress, factor, c == nil ? 0 : 1, bias?.deviceAddress ?? 0, 0, 0,
            workspace?.deviceAddress ?? 0, stream)
        }
      }
    }
    let code =
      times?.around("product [\(a.rows), \(a.columns)] [\(b.rows), \(b.columns)] \(d.letter)", queue) ?? queue()
    if code != 0 {
      note(
        CUDAErrors.failed("[\(a.rows), \(a.columns)] times [\(b.rows), \(b.columns)]", "cuBLASLt status \(code)"),
        isLost: true)
    }
    return true
  }

  /// See `MatrixKernels`: nothing is kept.
  package func frozenFactor() -> any FrozenFactor { PlainFrozenFactor(self) }

  /// See `MatrixKernels`: not done on a card, which `supportsByteProducts` says beforehand.
  package func quantized(_ matrix: Tensor, columnFactors: Tensor?) -> any QuantizedFactor {
    noteBytes()
    return AbsentQuantizedFactor(matrix)
  }

  /// See `MatrixKernels`.
  package func columnFactors(of matrices: [Tensor]) -> Tensor {
    noteBytes()
    return Tensor(zeros: [matrices.first?.width ?? 0], on: self)
  }

  /// See `MatrixKernels`.
  package func quantized(rows: Int, columns: Int, storage: Storage) -> any QuantizedFactor {
    noteBytes()
    return AbsentQuantizedFactor(Tensor(uninitialized: [rows, columns], on: self))
  }

  /// See `MatrixKernels`.
  package func byteRows(_ x: Tensor, activation: GELUKind?, factors: Tensor?) -> ByteRows {
    noteBytes()
    let host = CPUBackend()
    return ByteRows(Tensor(zeros: [x.rows, x.width], on: host), group: 1 << 15, on: host)
  }

  /// See `GatedByteKernels`.
  package func gatedByteRows(gate: Tensor, up: Tensor, factors: Tensor?, rounded: Tensor?) -> ByteRows {
    byteRows(gate, activation: nil, factors: factors)
  }

  /// See `GatedByteKernels`.
  package func gatedByteGradients(
    gate: Tensor, up: Tensor, _ dout: Tensor, factors: (gate: Tensor, up: Tensor),
    rounded: (gate: Tensor?, up: Tensor?)
  ) -> (gate: ByteRows, up: ByteRows) {
    (byteRows(gate, activation: nil, factors: nil), byteRows(up, activation: nil, factors: nil))
  }

  private func noteBytes() {
    note(CarinaError(.usage, "weights in 8 bits are not multiplied on a card", remedy: "Compute on the processor."))
  }

  /// See `MatrixKernels`.
  package var packsFactors: Bool { false }

  /// See `MatrixKernels`: what is prepared for a product takes nothing on the card.
  package func preparesProducts(_ type: ElementType) -> Bool { false }

  /// See `MatrixKernels`.
  package var mostFewRows: Int { 0 }
}

extension MatrixFactor {
  /// The stored numbers under the shape in which they are stored.
  fileprivate func dense(_ shape: [Int]) -> Tensor {
    Tensor(shape: shape, elementType: tensor.elementType, storage: tensor.storage, byteOffset: tensor.byteOffset)
  }
}
