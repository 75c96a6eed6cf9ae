/// y = x W with the weight stored inputs × outputs, as Gemma 3's projector has it: no transpose, no bias.
///
/// - Parameters:
///   - x: [R, K] fp32.
///   - weight: [K, N].
/// - Returns: [R, N]. In bfloat16 (the weight's type) x is rounded before the product; sums are in fp32.
package func product(_ x: Tensor, _ weight: Parameter, tape: Tape?) -> Tensor {
  let backend = x.backend, matrix = weight.matrix, rows = x.rows, inputs = x.width, outputs = matrix.width
  precondition(matrix.rows == inputs, "\(weight.name): expected \(inputs) rows, got \(weight.shape)")
  let type = weight.value.elementType, operand = x.detached.converted(to: type)
  let out = Tensor(uninitialized: [rows, outputs], elementType: backend.activations, on: backend)
  backend.multiply(
    MatrixFactor(operand, rows: rows, columns: inputs), MatrixFactor(matrix), into: out, accumulate: false)
  guard let tape, x.node != nil || weight.isTrainable else { return out }
  let xNode = x.node, inputType = x.elementType
  return tape.record(out, parameter: weight) { dout in
    let narrow = MatrixFactor(dout.reshaped([rows, outputs]).converted(to: type))
    if weight.isTrainable {
      let (target, isFresh) = weight.gradientForProduct()
      backend.multiply(
        MatrixFactor(operand, rows: rows, columns: inputs).transposed, narrow, into: target.reshaped(matrix.shape),
        accumulate: !isFresh)
    }
    if let xNode {
      let dx = Tensor(uninitialized: [rows, inputs], elementType: inputType, on: backend)
      backend.multiply(narrow, MatrixFactor(matrix).transposed, into: dx, accumulate: false)
      xNode.accumulate(dx, isFresh: true)
    }
  }
}
