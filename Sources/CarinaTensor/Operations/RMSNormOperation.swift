import CKernels

/// RMS norm (Zhang and Sennrich 2019) as Gemma has it: x / √(mean(x²) + ε) · (1 + weight) over rows of the weight's length.
///
/// A tensor [R, H·E] with a weight of [E] is normed head by head.
/// - Returns: the shape of `x`.
package func rmsNorm(_ x: Tensor, _ weight: Parameter, epsilon: Float, tape: Tape?) -> Tensor {
  let width = weight.count, rows = x.count / max(width, 1)
  precondition(rows * width == x.count, "\(weight.name): \(x.shape) does not divide into rows of \(width)")
  let gain = weight.value.converted(to: .float32)
  let out = Tensor(uninitialized: x.shape)
  let inverses = Tensor(uninitialized: [rows])
  RowSplit.run(rows, grain: RowSplit.grain(width: width)) { range in
    let skip = range.lowerBound * width
    carina_rms_norm_forward(
      x.floats + skip, gain.floats, epsilon, out.floats + skip, inverses.floats + range.lowerBound, Int64(range.count),
      Int64(width))
  }
  guard let tape, x.node != nil || weight.isTrainable else { return out }
  let input = x.detached, xNode = x.node
  return tape.record(out) { dout in
    let dx = Tensor(uninitialized: input.shape)
    RowSplit.reduceColumns(
      rows, into: [weight.isTrainable ? weight.gradientForAccumulation().floats : nil], width: width
    ) { range, partial in
      let skip = range.lowerBound * width
      carina_rms_norm_backward(
        input.floats + skip, gain.floats, inverses.floats + range.lowerBound, dout.floats + skip, dx.floats + skip,
        partial[0], Int64(range.count), Int64(width))
    }
    xNode?.accumulate(dx, isFresh: true)
  }
}
