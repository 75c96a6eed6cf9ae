import CKernels

/// Gaussian error linear unit of each element; the shape of `x`.
package func gelu(_ x: Tensor, kind: GELUKind, tape: Tape?) -> Tensor {
  let backend = x.backend
  let out = Tensor(uninitialized: x.shape, elementType: backend.activations, on: backend)
  backend.gelu(x, kind, into: out)
  guard let tape, let xNode = x.node else { return out }
  let input = x.detached
  return tape.record(out) { dout in
    let dx = Tensor(uninitialized: input.shape, elementType: input.elementType, on: backend)
    backend.geluBackward(input, dout, kind, into: dx)
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
  let backend = gate.backend
  let out = Tensor(uninitialized: gate.shape, elementType: backend.activations, on: backend)
  backend.gatedGELU(gate: gate, up: up, into: out)
  guard let tape, gate.node != nil || up.node != nil else { return out }
  let gateValues = gate.detached, upValues = up.detached, gateNode = gate.node, upNode = up.node
  return tape.record(out) { dout in
    let dgate = Tensor(uninitialized: gateValues.shape, elementType: gateValues.elementType, on: backend)
    let dup = Tensor(uninitialized: gateValues.shape, elementType: upValues.elementType, on: backend)
    backend.gatedGELUBackward(gate: gateValues, up: upValues, dout, dgate: dgate, dup: dup)
    gateNode?.accumulate(dgate, isFresh: true)
    upNode?.accumulate(dup, isFresh: true)
  }
}

/// GELU and the gated GELU, fp32, element by element.
package protocol GELUKernels {
  /// out = gelu(x).
  func gelu(_ x: Tensor, _ kind: GELUKind, into out: Tensor)
  /// dx = dout · gelu'(x).
  func geluBackward(_ x: Tensor, _ dout: Tensor, _ kind: GELUKind, into dx: Tensor)
  /// out = gelu(gate) · up, tanh form.
  func gatedGELU(gate: Tensor, up: Tensor, into out: Tensor)
  /// The gradients of both arguments.
  func gatedGELUBackward(gate: Tensor, up: Tensor, _ dout: Tensor, dgate: Tensor, dup: Tensor)
}

extension CPUBackend: GELUKernels {
  /// See `GELUKernels`.
  package func gelu(_ x: Tensor, _ kind: GELUKind, into out: Tensor) {
    RowSplit.run(x.count, grain: 1 << 13) { range in
      carina_gelu_forward(x.floats + range.lowerBound, out.floats + range.lowerBound, Int64(range.count), kind.code)
    }
  }

  /// See `GELUKernels`.
  package func geluBackward(_ x: Tensor, _ dout: Tensor, _ kind: GELUKind, into dx: Tensor) {
    RowSplit.run(x.count, grain: 1 << 13) { range in
      let skip = range.lowerBound
      carina_gelu_backward(x.floats + skip, dout.floats + skip, dx.floats + skip, Int64(range.count), kind.code)
    }
  }

  /// See `GELUKernels`.
  package func gatedGELU(gate: Tensor, up: Tensor, into out: Tensor) {
    RowSplit.run(gate.count, grain: 1 << 13) { range in
      let skip = range.lowerBound
      carina_gated_gelu_forward(gate.floats + skip, up.floats + skip, out.floats + skip, Int64(range.count))
    }
  }

  /// See `GELUKernels`.
  package func gatedGELUBackward(gate: Tensor, up: Tensor, _ dout: Tensor, dgate: Tensor, dup: Tensor) {
    RowSplit.run(gate.count, grain: 1 << 13) { range in
      let skip = range.lowerBound
      carina_gated_gelu_backward(
        gate.floats + skip, up.floats + skip, dout.floats + skip, dgate.floats + skip, dup.floats + skip,
        Int64(range.count))
    }
  }
}
