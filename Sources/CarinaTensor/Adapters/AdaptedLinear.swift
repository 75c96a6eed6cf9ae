/// y = x Wᵀ + b + Σ scale · B A drop(x): an affine map whose own weights are frozen, with adapters beside it (Hu et al.
/// 2021, LoRA).
///
/// - Parameters:
///   - input: x [R, K].
///   - weight: [N, K], frozen.
///   - bias: [N], frozen, or nil.
///   - terms: the adapters; their sums are added in this order.
/// - Returns: [R, N]. In bfloat16 (the weights' type) x and scale · A drop(x) are rounded before the products; sums
///   are in fp32.
package func linear(
  _ input: ProductInput, _ weight: Parameter, _ bias: Parameter?, adding terms: [LowRankTerm], tape: Tape?
) -> Tensor {
  precondition(!weight.isTrainable && bias?.isTrainable != true, "\(weight.name) is trained and has an adapter")
  let outputs = weight.matrix.rows, type = weight.value.elementType, backend = input.x.backend
  let out: Tensor, adapters: AdapterPass
  if let bytes = weight.bytes, !terms.isEmpty {
    // Written first, so that it is read while the bytes are multiplied.
    adapters = AdapterPass(terms, input.operand)
    out = adapters.sum(outputs: outputs)
    bytes.multiply(input.bytes(for: bytes), bias: bias?.value.converted(to: .float32), summand: out, into: out)
  } else {
    out = linear(input, weight, bias, tape: nil)
    adapters = AdapterPass(terms, input.operand)
    adapters.add(to: out)
  }
  let rows = out.rows, xNode = input.x.node
  guard let tape, xNode != nil || adapters.isTrained else { return out }

  let inputType = input.gradientType
  return tape.record(out) { dout in
    let gradient = dout.reshaped([rows, outputs]), narrow = MatrixFactor(gradient.converted(to: type))
    guard let xNode else { return adapters.propagate(narrow, to: nil) }
    xNode.accumulateProducts(
      [rows, weight.matrix.width], as: inputType, on: backend, canAdd: true, addsAnyway: weight.bytes != nil
    ) { dx, adds in
      if let bytes = weight.bytes {
        bytes.multiplyBack(gradient, adds: adds, into: dx)
      } else if adds || !weight.multiplyPrepared(narrow, isForward: false, into: dx) {
        backend.multiply(narrow, MatrixFactor(weight.matrix), into: dx, accumulate: adds)
      }
      adapters.propagate(narrow, to: dx)
    }
  }
}
