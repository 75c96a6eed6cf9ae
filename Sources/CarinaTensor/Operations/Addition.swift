import CKernels

/// a + b, element by element: the residual connection; fp32 where either is.
package func add(_ a: Tensor, _ b: Tensor, tape: Tape?) -> Tensor {
  precondition(a.count == b.count, "cannot add \(a.shape) and \(b.shape)")
  let isWide = a.elementType == .float32 || b.elementType == .float32
  let out = Tensor(
    uninitialized: a.shape, elementType: isWide ? .float32 : a.backend.activations, on: a.backend)
  a.backend.add(a, b, into: out)
  guard let tape, a.node != nil || b.node != nil else { return out }
  let aNode = a.node, bNode = b.node
  return tape.record(out) { dout in
    aNode?.accumulate(dout, isFresh: false)
    bNode?.accumulate(dout, isFresh: false)
  }
}

/// Sums.
package protocol AdditionKernels {
  /// target = a + b, fp32 of one count, b also bfloat16; `target` may be `a` or `b`.
  func add(_ a: Tensor, _ b: Tensor, into target: Tensor)
}

extension CPUBackend: AdditionKernels {
  /// See `AdditionKernels`.
  package func add(_ a: Tensor, _ b: Tensor, into target: Tensor) {
    RowSplit.run(a.count, grain: 1 << 15) { range in
      let first = range.lowerBound
      if b.elementType == .bfloat16 {
        return carina_add_bfloat16(
          a.floats + first, b.bfloats + first, target.floats + first, Int64(range.count))
      }
      carina_add(a.floats + first, b.floats + first, target.floats + first, Int64(range.count))
    }
  }
}
