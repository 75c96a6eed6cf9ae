import CKernels

/// RMS norm (Zhang and Sennrich 2019) as Gemma has it: x / √(mean(x²) + ε) · (1 + weight) over rows of the weight's
/// length.
///
/// A tensor [R, H·E] with a weight of [E] is normed head by head.
/// - Returns: the shape of `x`.
package func rmsNorm(_ x: Tensor, _ weight: Parameter, epsilon: Float, tape: Tape?) -> Tensor {
  let width = weight.count, rows = x.count / max(width, 1)
  precondition(rows * width == x.count, "\(weight.name): \(x.shape) does not divide into rows of \(width)")
  let backend = x.backend
  let gain = weight.value.converted(to: .float32)
  let out = Tensor(uninitialized: x.shape, elementType: backend.activations, on: backend)
  let inverses = Tensor(uninitialized: [rows], on: backend)
  backend.rmsNorm(x, gain: gain, epsilon: epsilon, into: out, inverses: inverses)
  guard let tape, x.node != nil || weight.isTrainable else { return out }
  let input = x.detached, xNode = x.node
  return tape.record(out, parameter: weight) { dout in
    let dx = Tensor(uninitialized: input.shape, elementType: input.elementType, on: backend)
    let isFresh = weight.gradient == nil
    backend.rmsNormBackward(
      input, gain: gain, inverses: inverses, dout, into: dx,
      dgain: weight.isTrainable ? weight.gradientForSums(isFresh: isFresh) : nil, isFresh: isFresh)
    xNode?.accumulate(dx, isFresh: true)
  }
}

/// The RMS norm of rows of the gain's length, fp32.
package protocol RMSNormKernels {
  /// out of x's shape, and one over the root of the mean square of each row.
  func rmsNorm(_ x: Tensor, gain: Tensor, epsilon: Float, into out: Tensor, inverses: Tensor)
  /// dx, and the gradient of the gain added to what stands there; nil where none is wanted.
  func rmsNormBackward(_ x: Tensor, gain: Tensor, inverses: Tensor, _ dout: Tensor, into dx: Tensor, dgain: Tensor?)
  /// The same; where `isFresh`, nothing stands in the gain's gradient yet.
  func rmsNormBackward(
    _ x: Tensor, gain: Tensor, inverses: Tensor, _ dout: Tensor, into dx: Tensor, dgain: Tensor?, isFresh: Bool)
}

extension RMSNormKernels where Self: TensorMemory {
  /// Zeros first.
  package func rmsNormBackward(
    _ x: Tensor, gain: Tensor, inverses: Tensor, _ dout: Tensor, into dx: Tensor, dgain: Tensor?, isFresh: Bool
  ) {
    if isFresh, let dgain { fillWithZeros(dgain) }
    rmsNormBackward(x, gain: gain, inverses: inverses, dout, into: dx, dgain: dgain)
  }
}

extension CPUBackend: RMSNormKernels {
  /// See `RMSNormKernels`.
  package func rmsNorm(_ x: Tensor, gain: Tensor, epsilon: Float, into out: Tensor, inverses: Tensor) {
    let width = gain.count
    RowSplit.run(inverses.count, grain: RowSplit.grain(width: width)) { range in
      let skip = range.lowerBound * width
      carina_rms_norm_forward(
        x.floats + skip, gain.floats, epsilon, out.floats + skip, inverses.floats + range.lowerBound,
        Int64(range.count), Int64(width))
    }
  }

  /// See `RMSNormKernels`.
  package func rmsNormBackward(
    _ x: Tensor, gain: Tensor, inverses: Tensor, _ dout: Tensor, into dx: Tensor, dgain: Tensor?
  ) {
    let width = gain.count
    RowSplit.reduceColumns(inverses.count, into: [dgain], width: width, on: self) { range, partial in
      let skip = range.lowerBound * width
      carina_rms_norm_backward(
        x.floats + skip, gain.floats, inverses.floats + range.lowerBound, dout.floats + skip, dx.floats + skip,
        partial[0], Int64(range.count), Int64(width))
    }
  }
}
