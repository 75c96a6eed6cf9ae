import CKernels

/// Lays rows of several tensors into one, as image features between token embeddings.
///
/// - Parameters:
///   - parts: each a tensor [r, D] and, for each of its rows, the row of the result; together they fill every row once.
///   - rowCount: rows of the result.
/// - Returns: [rowCount, D].
package func assembleRows(_ parts: [(tensor: Tensor, destinations: [Int])], rowCount: Int, tape: Tape?) -> Tensor {
  let width = parts.first?.tensor.width ?? 0
  precondition(parts.reduce(0) { $0 + $1.destinations.count } == rowCount, "the parts do not fill \(rowCount) rows")
  let out = Tensor(uninitialized: [rowCount, width])
  for part in parts {
    precondition(part.tensor.width == width && part.tensor.rows == part.destinations.count, "a part has another shape")
    for (row, destination) in part.destinations.enumerated() {
      (out.floats + destination * width).update(from: part.tensor.floats + row * width, count: width)
    }
  }
  guard let tape, parts.contains(where: { $0.tensor.node != nil }) else { return out }
  let targets = parts.compactMap { part in part.tensor.node.map { ($0, part.destinations) } }
  return tape.record(out) { dout in
    for (node, destinations) in targets {
      let gradient = Tensor(uninitialized: [destinations.count, width])
      for (row, destination) in destinations.enumerated() {
        (gradient.floats + row * width).update(from: dout.floats + destination * width, count: width)
      }
      node.accumulate(gradient, isFresh: true)
    }
  }
}

/// Rows of a tensor in any order, each as often as asked for; gradients of repeated rows add up.
///
/// - Parameters:
///   - x: [R, D].
///   - rows: rows of x.
/// - Returns: [rows.count, D].
package func selectRows(_ x: Tensor, _ rows: [Int], tape: Tape?) -> Tensor {
  let width = x.width
  let out = Tensor(uninitialized: [rows.count, width])
  for (index, row) in rows.enumerated() {
    (out.floats + index * width).update(from: x.floats + row * width, count: width)
  }
  guard let tape, let node = x.node else { return out }
  let shape = x.shape
  return tape.record(out) { dout in
    let gradient = Tensor(zeros: shape)
    for (index, row) in rows.enumerated() {
      carina_add_scaled(dout.floats + index * width, 1, gradient.floats + row * width, Int64(width))
    }
    node.accumulate(gradient, isFresh: true)
  }
}
