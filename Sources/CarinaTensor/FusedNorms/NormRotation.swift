/// The heads of x normed (`rmsNorm`) and then rotated (`rotaryEmbedding`): what Gemma's attention reads of queries and keys.
///
/// - Parameters:
///   - x: [R, H·E].
///   - weight: gain minus 1 of every head, [E].
///   - positions: one a row, each below the table's count.
/// - Returns: [R, H·E].
package func normRotation(
  _ x: Tensor, _ weight: Parameter, epsilon: Float, table: RotaryTable, positions: [Int32], tape: Tape?
) -> Tensor {
  let backend = x.backend
  guard let fused = backend.fusedNorms else {
    return rotaryEmbedding(
      rmsNorm(x, weight, epsilon: epsilon, tape: tape), table: table, positions: positions, tape: tape)
  }
  let size = table.headSize, heads = x.count / max(positions.count * size, 1)
  precondition(weight.count == size, "\(weight.name): \(weight.count) for heads of \(size)")
  precondition(heads * positions.count * size == x.count, "\(x.shape) is not \(positions.count) rows of heads")
  precondition((positions.max() ?? 0) < table.positionCount, "a position is beyond the table's \(table.positionCount)")
  let gain = weight.value.converted(to: .float32)
  let out = Tensor(uninitialized: x.shape, elementType: backend.activations, on: backend)
  let inverses = Tensor(uninitialized: [positions.count * heads], on: backend)
  fused.normRotate(x, gain: gain, epsilon: epsilon, table: table, positions: positions, into: out, inverses: inverses)
  guard let tape, x.node != nil || weight.isTrainable else { return out }
  let input = x.detached, xNode = x.node
  return tape.record(out, parameter: weight) { dout in
    let dx = Tensor(uninitialized: input.shape, elementType: input.elementType, on: backend)
    let isFresh = weight.gradient == nil
    fused.normRotateBackward(
      input, gain: gain, inverses: inverses, table: table, positions: positions, dout, into: dx,
      dgain: weight.isTrainable ? weight.gradientForSums(isFresh: isFresh) : nil, isFresh: isFresh)
    xNode?.accumulate(dx, isFresh: true)
  }
}
