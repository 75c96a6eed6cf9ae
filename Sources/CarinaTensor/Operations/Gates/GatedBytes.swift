/// A frozen affine map without bias, and the adapters beside it.
package struct AdaptedMap {
  /// The weight, [N, K].
  package let weight: Parameter
  /// What adapters add to the map; none for none.
  package let terms: [LowRankTerm]

  /// Collects the values.
  package init(weight: Parameter, terms: [LowRankTerm]) {
    self.weight = weight
    self.terms = terms
  }
}

/// gelu(gate x) · up x, tanh form (Shazeer 2020, GEGLU), as the rows in 8 bits that a third map reads: gate x and up x
/// are rounded to bfloat16, which the backward pass reads too, and neither the gate nor its gradients are ever rows of
/// fp32.
///
/// - Parameters:
///   - input: x [R, K].
///   - gate: a map in bytes; and `up`, another. Their adapters' sums are in fp32 and rounded with the map's.
///   - next: the map that reads the rows.
/// - Returns: rows [R, F] for `next` alone; nil where one of the weights is not bfloat16 or not multiplied in bytes, and
///   nothing has happened.
package func gatedRows(
  _ input: ProductInput, gate: AdaptedMap, up: AdaptedMap, for next: AdaptedMap, tape: Tape?
) -> ProductInput? {
  guard let gateBytes = gate.weight.bytes, let upBytes = up.weight.bytes, let nextBytes = next.weight.bytes,
    [gate, up, next].allSatisfy({ $0.weight.value.elementType == .bfloat16 })
  else { return nil }
  let x = input.x, rows = x.rows, inner = gate.weight.matrix.rows, backend = x.backend
  precondition(
    up.weight.matrix.rows == inner && next.weight.matrix.width == inner,
    "\(gate.weight.name): \(gate.weight.shape) beside \(up.weight.shape) for \(next.weight.shape)")
  func product(_ map: AdaptedMap, _ bytes: any QuantizedFactor) -> (values: Tensor, adapters: AdapterPass?) {
    let adapters = map.terms.isEmpty ? nil : AdapterPass(map.terms, input.operand)
    let out = Tensor(uninitialized: [rows, inner], elementType: .bfloat16, on: backend)
    bytes.multiply(input.bytes(for: bytes), bias: nil, summand: adapters?.sum(outputs: inner), into: out)
    return (out, adapters)
  }
  let (gateValues, gateAdapters) = product(gate, gateBytes), (upValues, upAdapters) = product(up, upBytes)
  let operand =
    next.terms.isEmpty ? nil : Tensor(uninitialized: [rows, inner], elementType: .bfloat16, on: backend)
  let bytes = backend.gatedByteRows(
    gate: gateValues, up: upValues, factors: nextBytes.columnFactors, rounded: operand)
  func result(_ node: GradientNode?) -> ProductInput {
    ProductInput(bytes, of: gateValues, node: node, factors: nextBytes.columnFactors, operand: operand)
  }
  let trainsAdapters = [gate, up].contains { $0.terms.contains(where: \.isTrainable) }
  guard let tape, x.node != nil || trainsAdapters else { return result(nil) }
  tape.finiteWatch?.note(upValues, of: "linear with \(up.weight.name)", isGradient: false)

  let xNode = x.node, inputType = input.gradientType, width = x.width
  let recorded = tape.record(gateValues, parameter: gate.weight, operation: "linear") { dout in
    func room(_ adapters: AdapterPass?) -> Tensor? {
      adapters.map { _ in Tensor(uninitialized: [rows, inner], elementType: .bfloat16, on: backend) }
    }
    let narrow = (gate: room(gateAdapters), up: room(upAdapters))
    let gradients = backend.gatedByteGradients(
      gate: gateValues, up: upValues, dout.reshaped([rows, inner]),
      factors: (gateBytes.rowFactors, upBytes.rowFactors), rounded: narrow)
    /// Hands a map's gradient on to its adapters, and to x where dx is wanted: fills it, or adds to it.
    func propagate(
      _ bytes: any QuantizedFactor, _ gradient: ByteRows, _ adapters: AdapterPass?, _ narrow: Tensor?, to dx: Tensor?,
      adds: Bool
    ) {
      if let dx { bytes.multiplyBack(gradient, adds: adds, into: dx) }
      if let adapters, let narrow { adapters.propagate(MatrixFactor(narrow), to: dx) }
    }
    func both(_ dx: Tensor?, _ adds: Bool) {
      propagate(upBytes, gradients.up, upAdapters, narrow.up, to: dx, adds: adds)
      propagate(gateBytes, gradients.gate, gateAdapters, narrow.gate, to: dx, adds: adds || dx != nil)
    }
    guard let xNode else { return both(nil, false) }
    xNode.accumulateProducts(
      [rows, width], as: inputType, on: backend, canAdd: true, addsAnyway: true, both)
  }
  return result(recorded.node)
}

/// Gates of maps whose products are sums of bytes.
package protocol GatedByteKernels {
  /// gelu(gate) · up, tanh form, of bfloat16 [R, F], in 8 bits.
  /// - Parameters:
  ///   - factors: the next matrix's `columnFactors`.
  ///   - rounded: gets the rows as bfloat16 too, [R, F]; nil where nobody reads them.
  func gatedByteRows(gate: Tensor, up: Tensor, factors: Tensor?, rounded: Tensor?) -> ByteRows
  /// The gradients of gate and up in 8 bits, from that of their gate, fp32 [R, F].
  /// - Parameters:
  ///   - factors: the `rowFactors` of either matrix.
  ///   - rounded: get the rows as bfloat16 too, [R, F]; nil where nobody reads them.
  func gatedByteGradients(
    gate: Tensor, up: Tensor, _ dout: Tensor, factors: (gate: Tensor, up: Tensor),
    rounded: (gate: Tensor?, up: Tensor?)
  ) -> (gate: ByteRows, up: ByteRows)
}

extension CPUBackend: GatedByteKernels {
  /// See `GatedByteKernels`.
  package func gatedByteRows(gate: Tensor, up: Tensor, factors: Tensor?, rounded: Tensor?) -> ByteRows {
    ByteRows.gated(gate: gate, up: up, factors: factors, rounded: rounded, on: self)
  }

  /// See `GatedByteKernels`.
  package func gatedByteGradients(
    gate: Tensor, up: Tensor, _ dout: Tensor, factors: (gate: Tensor, up: Tensor),
    rounded: (gate: Tensor?, up: Tensor?)
  ) -> (gate: ByteRows, up: ByteRows) {
    ByteRows.gatedGradients(
      gate: gate, up: up, dout, factors: factors, rounded: rounded, on: self)
  }
}
