import CKernels

/// Rows of a table, times a constant: token embeddings, positions, a repeated probe.
///
/// - Parameters:
///   - ids: rows wanted; each below the table's row count.
///   - table: [V, D].
///   - scale: Gemma's √D (rounded to the weight's type by the caller), 1 elsewhere.
/// - Returns: [ids.count, D] fp32.
package func embedding(_ ids: [Int], _ table: Parameter, scale: Float = 1, tape: Tape?) -> Tensor {
  let rowCount = table.value.rows, backend = table.value.backend
  for id in ids { precondition(id >= 0 && id < rowCount, "\(table.name): row \(id) of \(rowCount)") }
  let out = Tensor(uninitialized: [ids.count, table.value.width], on: backend)
  backend.embedding(ids, table.value, scale: scale, into: out)
  guard let tape, table.isTrainable else { return out }
  return tape.record(out, parameter: table) { dout in
    backend.addRows(of: dout, scale: scale, to: table.gradientForAccumulation(), ids)
  }
}

/// Rows of a table.
package protocol EmbeddingKernels {
  /// Row i of out [ids.count, D] fp32 = scale · row ids[i] of the table, which may be bfloat16.
  func embedding(_ ids: [Int], _ table: Tensor, scale: Float, into out: Tensor)
}

extension CPUBackend: EmbeddingKernels {
  /// See `EmbeddingKernels`.
  package func embedding(_ ids: [Int], _ table: Tensor, scale: Float, into out: Tensor) {
    let width = table.width
    for (row, id) in ids.enumerated() {
      let target = out.floats + row * width
      if table.elementType == .float32 {
        target.update(from: table.floats + id * width, count: width)
      } else {
        BFloat16Rows.widen(table.pointer + id * width * 2, into: target, count: width)
      }
      if scale != 1 { carina_scale(target, scale, Int64(width)) }
    }
  }
}
