import CKernels

/// Layer norm (Ba, Kiros and Hinton 2016): (x − mean) / √(variance + ε) · weight + bias over each row.
///
/// - Parameters:
///   - x: [R, W] fp32.
///   - weight: [W].
///   - bias: [W].
/// - Returns: [R, W].
package func layerNorm(_ x: Tensor, _ weight: Parameter, _ bias: Parameter, epsilon: Float, tape: Tape?) -> Tensor {
  let rows = x.rows, width = x.width
  precondition(weight.count == width, "\(weight.name): expected [\(width)], got \(weight.shape)")
  let gain = weight.value.converted(to: .float32), shift = bias.value.converted(to: .float32)
  let out = Tensor(uninitialized: x.shape)
  let means = Tensor(uninitialized: [rows]), inverses = Tensor(uninitialized: [rows])
  RowSplit.run(rows, grain: RowSplit.grain(width: width)) { range in
    let skip = range.lowerBound * width
    carina_layer_norm_forward(
      x.floats + skip, gain.floats, shift.floats, epsilon, out.floats + skip, means.floats + range.lowerBound,
      inverses.floats + range.lowerBound, Int64(range.count), Int64(width))
  }
  guard let tape, x.node != nil || weight.isTrainable || bias.isTrainable else { return out }
  let input = x.detached, xNode = x.node
  return tape.record(out) { dout in
    let dx = Tensor(uninitialized: input.shape)
    let targets = [
      weight.isTrainable ? weight.gradientForAccumulation().floats : nil,
      bias.isTrainable ? bias.gradientForAccumulation().floats : nil,
    ]
    RowSplit.reduceColumns(rows, into: targets, width: width) { range, partial in
      let skip = range.lowerBound * width
      carina_layer_norm_backward(
        input.floats + skip, gain.floats, means.floats + range.lowerBound, inverses.floats + range.lowerBound,
        dout.floats + skip, dx.floats + skip, partial[0], partial[1], Int64(range.count), Int64(width))
    }
    xNode?.accumulate(dx, isFresh: true)
  }
}
