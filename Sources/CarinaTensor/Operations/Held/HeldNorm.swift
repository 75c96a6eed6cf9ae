/// Layer norm of rows that products with held matrices read, rounded to their type.
///
/// - Parameters:
///   - x: [R, W] fp32.
///   - weight: [W].
///   - bias: [W].
///   - type: the type of the matrices.
package func heldLayerNorm(
  _ x: Tensor, _ weight: Parameter, _ bias: Parameter, epsilon: Float, as type: ElementType, tape: Tape?
) -> HeldRows {
  guard type == .bfloat16, let backend = x.backend as? CPUBackend else {
    return HeldRows(layerNorm(x, weight, bias, epsilon: epsilon, tape: tape), as: type)
  }
  precondition(weight.count == x.width, "\(weight.name): expected [\(x.width)], got \(weight.shape)")
  let gain = weight.value.converted(to: .float32), shift = bias.value.converted(to: .float32)
  let out = Tensor(uninitialized: x.shape, elementType: type, on: backend)
  let means = Tensor(uninitialized: [x.rows], on: backend), inverses = Tensor(uninitialized: [x.rows], on: backend)
  backend.roundedLayerNorm(
    x, gain: gain, shift: shift, epsilon: epsilon, into: out, means: means, inverses: inverses)
  guard let tape, x.node != nil || weight.isTrainable || bias.isTrainable else { return HeldRows(rounded: out) }
  let input = x.detached, xNode = x.node
  return HeldRows(
    rounded: tape.record(out, parameter: weight) { dout in
      let dx = Tensor(uninitialized: input.shape, elementType: input.elementType, on: backend)
      let isFresh = weight.gradient == nil && bias.gradient == nil
      backend.layerNormBackward(
        input, gain: gain, means: means, inverses: inverses, dout, into: dx,
        dgain: weight.isTrainable ? weight.gradientForSums(isFresh: isFresh) : nil,
        dshift: bias.isTrainable ? bias.gradientForSums(isFresh: isFresh) : nil, isFresh: isFresh)
      xNode?.accumulate(dx, isFresh: true)
    })
}

/// gelu(x Wᵀ + b) of a held matrix, as rows for another of its type.
///
/// - Parameters:
///   - rows: x [R, K].
///   - weight: [N, K], held or frozen.
///   - bias: [N], or nil.
package func heldActivation(
  _ rows: HeldRows, _ weight: Parameter, _ bias: Parameter?, _ kind: GELUKind, tape: Tape?
) -> HeldRows {
  let type = weight.value.elementType, activations = rows.operand.backend.activations
  guard type == .bfloat16, let backend = rows.operand.backend as? CPUBackend else {
    return HeldRows(gelu(heldLinear(rows, weight, bias, as: activations, tape: tape), kind: kind, tape: tape), as: type)
  }
  let inner = heldLinear(rows, weight, bias, as: activations, tape: nil)
  let out = Tensor(uninitialized: inner.shape, elementType: type, on: backend)
  backend.roundedGELU(inner, kind, into: out)
  let trainsBias = bias?.isTrainable ?? false
  guard let tape, rows.node != nil || weight.isTrainable || trainsBias else { return HeldRows(rounded: out) }
  let gradient = HeldGradient(rows, weight, bias)
  return HeldRows(
    rounded: tape.record(out, parameter: weight) { dout in
      gradient.add(dout.reshaped(inner.shape), activated: (inner, kind), on: backend)
    })
}
