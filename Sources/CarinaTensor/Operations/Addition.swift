import CKernels

/// a + b, element by element: the residual connection.
package func add(_ a: Tensor, _ b: Tensor, tape: Tape?) -> Tensor {
  precondition(a.count == b.count, "cannot add \(a.shape) and \(b.shape)")
  let out = Tensor(uninitialized: a.shape)
  RowSplit.run(a.count, grain: 1 << 15) { range in
    carina_add(
      a.floats + range.lowerBound, b.floats + range.lowerBound, out.floats + range.lowerBound, Int64(range.count))
  }
  guard let tape, a.node != nil || b.node != nil else { return out }
  let aNode = a.node, bNode = b.node
  return tape.record(out) { dout in
    aNode?.accumulate(dout, isFresh: false)
    bNode?.accumulate(dout, isFresh: false)
  }
}
