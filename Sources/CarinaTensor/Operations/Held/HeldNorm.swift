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
  guard type == .bfloat16, x.backend is CPUBackend else {
    return HeldRows(layerNorm(x, weight, bias, epsilon: epsilon, tape: tape), as: type)
  }
  return HeldRows(rounded: layerNorm(x, weight, bias, epsilon: epsilon, as: type, tape: tape))
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
