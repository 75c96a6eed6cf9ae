import CKernels

/// Each row divided by its Euclidean length, as the embeddings of contrastive learning are; fp32.
package func l2Normalize(_ x: Tensor, tape: Tape?) -> Tensor {
  let backend = x.backend
  let out = Tensor(uninitialized: x.shape, on: backend), inverses = Tensor(uninitialized: [x.rows], on: backend)
  backend.l2Normalize(x, into: out, inverses: inverses)
  guard let tape, let node = x.node else { return out }
  let saved = out, type = x.elementType
  return tape.record(out) { dout in
    let dx = Tensor(uninitialized: saved.shape, elementType: type, on: backend)
    backend.l2NormalizeBackward(saved, inverses: inverses, dout, into: dx)
    node.accumulate(dx, isFresh: true)
  }
}

/// Rows of length 1.
package protocol L2Kernels {
  /// out = each row of x over its length; `inverses` [R] keeps one over the lengths.
  func l2Normalize(_ x: Tensor, into out: Tensor, inverses: Tensor)
  /// dx from the result and the inverses that the forward pass kept.
  func l2NormalizeBackward(_ result: Tensor, inverses: Tensor, _ dout: Tensor, into dx: Tensor)
}

extension CPUBackend: L2Kernels {
  /// See `L2Kernels`.
  package func l2Normalize(_ x: Tensor, into out: Tensor, inverses: Tensor) {
    carina_l2_normalize_forward(x.floats, out.floats, inverses.floats, Int64(x.rows), Int64(x.width))
  }

  /// See `L2Kernels`.
  package func l2NormalizeBackward(_ result: Tensor, inverses: Tensor, _ dout: Tensor, into dx: Tensor) {
    carina_l2_normalize_backward(
      result.floats, inverses.floats, dout.floats, dx.floats, Int64(result.rows), Int64(result.width))
  }
}
