import CKernels

/// Lays rows of several tensors into one, as image features between token embeddings.
///
/// - Parameters:
///   - parts: each a tensor [r, D] and, for each of its rows, the row of the result; together they fill every row once.
///   - rowCount: rows of the result.
/// - Returns: [rowCount, D] fp32.
package func assembleRows(
  _ parts: [(tensor: Tensor, destinations: [Int])], rowCount: Int, on backend: any Backend, tape: Tape?
) -> Tensor {
  let width = parts.first?.tensor.width ?? 0
  precondition(parts.reduce(0) { $0 + $1.destinations.count } == rowCount, "the parts do not fill \(rowCount) rows")
  let out = Tensor(uninitialized: [rowCount, width], on: backend)
  for part in parts {
    precondition(part.tensor.width == width && part.tensor.rows == part.destinations.count, "a part has another shape")
    backend.copyRows(of: part.tensor, Array(part.destinations.indices), to: out, part.destinations)
  }
  guard let tape, parts.contains(where: { $0.tensor.node != nil }) else { return out }
  let targets = parts.compactMap { part in
    part.tensor.node.map { (node: $0, destinations: part.destinations, type: part.tensor.elementType) }
  }
  return tape.record(out) { dout in
    for (node, destinations, type) in targets {
      let gradient = Tensor(uninitialized: [destinations.count, width], elementType: type, on: backend)
      backend.copyRows(of: dout, destinations, to: gradient, Array(destinations.indices))
      node.accumulate(gradient, isFresh: true)
    }
  }
}

/// Rows of a tensor in any order, each as often as asked for; gradients of repeated rows add up.
///
/// - Parameters:
///   - x: [R, D].
///   - rows: rows of x.
/// - Returns: [rows.count, D], of x's type.
package func selectRows(_ x: Tensor, _ rows: [Int], tape: Tape?) -> Tensor {
  let backend = x.backend
  let type = x.elementType
  let out = Tensor(uninitialized: [rows.count, x.width], elementType: type, on: backend)
  backend.copyRows(of: x, rows, to: out, Array(rows.indices))
  guard let tape, let node = x.node else { return out }
  let shape = x.shape
  return tape.record(out) { dout in
    let gradient = Tensor(zeros: shape, elementType: type, on: backend)
    backend.addRows(of: dout, scale: 1, to: gradient, rows)
    node.accumulate(gradient, isFresh: true)
  }
}

/// Rows of fp32 tensors of one width, picked by their numbers.
package protocol RowKernels {
  /// Row `targetRows[i]` of target = row `sourceRows[i]` of source, for each i in order.
  func copyRows(of source: Tensor, _ sourceRows: [Int], to target: Tensor, _ targetRows: [Int])
  /// Row `rows[i]` of target += scale · row i of source, for each i in order.
  func addRows(of source: Tensor, scale: Float, to target: Tensor, _ rows: [Int])
}

extension CPUBackend: RowKernels {
  /// See `RowKernels`.
  package func copyRows(of source: Tensor, _ sourceRows: [Int], to target: Tensor, _ targetRows: [Int]) {
    let width = target.width, from = source.floats, to = target.floats
    for (sourceRow, targetRow) in zip(sourceRows, targetRows) {
      (to + targetRow * width).update(from: from + sourceRow * width, count: width)
    }
  }

  /// See `RowKernels`.
  package func addRows(of source: Tensor, scale: Float, to target: Tensor, _ rows: [Int]) {
    let width = target.width, from = source.floats, to = target.floats
    for (index, row) in rows.enumerated() {
      carina_add_scaled(from + index * width, scale, to + row * width, Int64(width))
    }
  }
}
