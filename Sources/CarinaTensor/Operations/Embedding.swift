import CKernels

/// Rows of a table, times a constant: token embeddings, positions, a repeated probe.
///
/// - Parameters:
///   - ids: rows wanted; each below the table's row count.
///   - table: [V, D].
///   - scale: Gemma's √D (rounded to the weight's type by the caller), 1 elsewhere.
/// - Returns: [ids.count, D] fp32.
package func embedding(_ ids: [Int], _ table: Parameter, scale: Float = 1, tape: Tape?) -> Tensor {
  let width = table.value.width, rowCount = table.value.rows
  let out = Tensor(uninitialized: [ids.count, width])
  for (row, id) in ids.enumerated() {
    precondition(id >= 0 && id < rowCount, "\(table.name): row \(id) of \(rowCount)")
    let target = out.floats + row * width
    if table.value.elementType == .float32 {
      target.update(from: table.value.floats + id * width, count: width)
    } else {
      BFloat16Rows.widen(table.value.pointer + id * width * 2, into: target, count: width)
    }
    if scale != 1 { carina_scale(target, scale, Int64(width)) }
  }
  guard let tape, table.isTrainable else { return out }
  return tape.record(out) { dout in
    let target = table.gradientForAccumulation()
    for (row, id) in ids.enumerated() {
      carina_add_scaled(dout.floats + row * width, scale, target.floats + id * width, Int64(width))
    }
  }
}
