import CKernels

extension ByteRows {
  /// gelu(gate) · up in 8 bits, a row at a time while its numbers are in cache; see `GatedByteKernels`.
  /// - Parameter rounded: gets the rows as bfloat16 too, [R, F]; nil where nobody reads them.
  package static func gated(
    gate: Tensor, up: Tensor, factors: Tensor?, rounded: Tensor?, byVectors: Bool = hasVectors,
    on backend: CPUBackend
  ) -> ByteRows {
    let width = gate.width, gates = gate.bfloats, ups = up.bfloats, narrow = rounded?.bfloats
    let rounding = backend.byteRounding
    let rows = ByteRows(
      rows: gate.rows, columns: width, group: rounding.forward, widensLarge: rounding.widensLarge, on: backend)
    RowSplit.run(gate.rows, grain: RowSplit.grain(width: width)) { range in
      let buffer = PooledBuffer(width * 4, from: backend.pool)
      let numbers = buffer.pointer.assumingMemoryBound(to: Float.self)
      for row in range {
        let skip = row * width
        carina_gate_for_bytes(
          gates + skip, ups + skip, factors?.floats, numbers, narrow.map { $0 + skip }, Int64(width), byVectors ? 1 : 0)
        rows.round(numbers, nil, row..<row + 1, byVectors)
      }
      withExtendedLifetime(buffer) {}
    }
    withExtendedLifetime((gate, up, factors, rounded)) {}
    return rows
  }

  /// The gradients of gate and up in 8 bits, from that of their gate, likewise.
  /// - Parameters:
  ///   - factors: of the columns of either.
  ///   - rounded: get the rows as bfloat16 too, [R, F]; nil where nobody reads them.
  package static func gatedGradients(
    gate: Tensor, up: Tensor, _ dout: Tensor, factors: (gate: Tensor, up: Tensor),
    rounded: (gate: Tensor?, up: Tensor?), byVectors: Bool = hasVectors, on backend: CPUBackend
  ) -> (gate: ByteRows, up: ByteRows) {
    let width = gate.width, gates = gate.bfloats, ups = up.bfloats, gradients = dout.floats
    let narrow = (gate: rounded.gate?.bfloats, up: rounded.up?.bfloats), rounding = backend.byteRounding
    func rows() -> ByteRows {
      ByteRows(
        rows: gate.rows, columns: width, group: rounding.backward, widensLarge: rounding.widensLarge, on: backend)
    }
    let result = (gate: rows(), up: rows())
    RowSplit.run(gate.rows, grain: RowSplit.grain(width: width)) { range in
      let buffer = PooledBuffer(2 * width * 4, from: backend.pool)
      let dgate = buffer.pointer.assumingMemoryBound(to: Float.self), dup = dgate + width
      for row in range {
        let skip = row * width
        carina_gate_back_for_bytes(
          gates + skip, ups + skip, gradients + skip,
          carina_gate_gradient(factors: factors.gate.floats, out: dgate, narrow: narrow.gate.map { $0 + skip }),
          carina_gate_gradient(factors: factors.up.floats, out: dup, narrow: narrow.up.map { $0 + skip }), Int64(width),
          byVectors ? 1 : 0)
        result.gate.round(dgate, nil, row..<row + 1, byVectors)
        result.up.round(dup, nil, row..<row + 1, byVectors)
      }
      withExtendedLifetime(buffer) {}
    }
    withExtendedLifetime((gate, up, dout, factors, rounded)) {}
    return result
  }
}
