import CKernels

/// Which GELU (Hendrycks and Gimpel 2016): by the error function, or its tanh approximation.
package enum GELUKind: String, Sendable {
  /// x Φ(x), with the error function.
  case exact
  /// 0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³))).
  case tanhApproximation

  var code: Int32 { self == .exact ? Int32(CARINA_GELU_ERF.rawValue) : Int32(CARINA_GELU_TANH.rawValue) }
}

/// Gaussian error linear unit of each element; the shape of `x`.
package func gelu(_ x: Tensor, kind: GELUKind, tape: Tape?) -> Tensor {
  let out = Tensor(uninitialized: x.shape)
  RowSplit.run(x.count, grain: 1 << 13) { range in
    carina_gelu_forward(
      x.floats + range.lowerBound, out.floats + range.lowerBound, Int64(range.count), kind.code)
  }
  guard let tape, let xNode = x.node else { return out }
  let input = x.detached
  return tape.record(out) { dout in
    let dx = Tensor(uninitialized: input.shape)
    RowSplit.run(input.count, grain: 1 << 13) { range in
      carina_gelu_backward(
        input.floats + range.lowerBound, dout.floats + range.lowerBound, dx.floats + range.lowerBound,
        Int64(range.count), kind.code)
    }
    xNode.accumulate(dx, isFresh: true)
  }
}

/// The gate of Gemma's MLP: gelu(gate) · up, tanh form (Shazeer 2020, GEGLU).
///
/// - Parameters:
///   - gate: [R, F].
///   - up: [R, F].
/// - Returns: [R, F].
package func gatedGELU(gate: Tensor, up: Tensor, tape: Tape?) -> Tensor {
  precondition(gate.shape == up.shape, "gate \(gate.shape) and up \(up.shape) differ")
  let out = Tensor(uninitialized: gate.shape)
  RowSplit.run(gate.count, grain: 1 << 13) { range in
    carina_gated_gelu_forward(
      gate.floats + range.lowerBound, up.floats + range.lowerBound, out.floats + range.lowerBound, Int64(range.count))
  }
  guard let tape, gate.node != nil || up.node != nil else { return out }
  let gateValues = gate.detached, upValues = up.detached, gateNode = gate.node, upNode = up.node
  return tape.record(out) { dout in
    let dgate = Tensor(uninitialized: gateValues.shape), dup = Tensor(uninitialized: gateValues.shape)
    RowSplit.run(gateValues.count, grain: 1 << 13) { range in
      let skip = range.lowerBound
      carina_gated_gelu_backward(
        gateValues.floats + skip, upValues.floats + skip, dout.floats + skip, dgate.floats + skip, dup.floats + skip,
        Int64(range.count))
    }
    gateNode?.accumulate(dgate, isFresh: true)
    upNode?.accumulate(dup, isFresh: true)
  }
}
