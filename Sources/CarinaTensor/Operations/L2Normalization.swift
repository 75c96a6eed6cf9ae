import CKernels

/// Each row divided by its Euclidean length, as the embeddings of contrastive learning are.
package func l2Normalize(_ x: Tensor, tape: Tape?) -> Tensor {
  let rows = x.rows, width = x.width
  let out = Tensor(uninitialized: x.shape), inverses = Tensor(uninitialized: [rows])
  carina_l2_normalize_forward(x.floats, out.floats, inverses.floats, Int64(rows), Int64(width))
  guard let tape, let node = x.node else { return out }
  let saved = out
  return tape.record(out) { dout in
    let dx = Tensor(uninitialized: saved.shape)
    carina_l2_normalize_backward(saved.floats, inverses.floats, dout.floats, dx.floats, Int64(rows), Int64(width))
    node.accumulate(dx, isFresh: true)
  }
}
