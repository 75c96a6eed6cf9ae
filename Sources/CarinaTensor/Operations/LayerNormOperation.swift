import CKernels

/// Layer norm (Ba, Kiros and Hinton 2016): (x − mean) / √(variance + ε) · weight + bias over each row.
///
/// - Parameters:
///   - x: [R, W] fp32.
///   - weight: [W].
///   - bias: [W].
///   - type: that of the result, which the backend has to have; nil for that of its activations.
/// - Returns: [R, W].
package func layerNorm(
  _ x: Tensor, _ weight: Parameter, _ bias: Parameter, epsilon: Float, as type: ElementType? = nil, tape: Tape?
) -> Tensor {
  precondition(weight.count == x.width, "\(weight.name): expected [\(x.width)], got \(weight.shape)")
  let backend = x.backend
  let gain = weight.value.converted(to: .float32), shift = bias.value.converted(to: .float32)
  let out = Tensor(uninitialized: x.shape, elementType: type ?? backend.activations, on: backend)
  let means = Tensor(uninitialized: [x.rows], on: backend), inverses = Tensor(uninitialized: [x.rows], on: backend)
  backend.layerNorm(x, gain: gain, shift: shift, epsilon: epsilon, into: out, means: means, inverses: inverses)
  guard let tape, x.node != nil || weight.isTrainable || bias.isTrainable else { return out }
  let input = x.detached, xNode = x.node
  return tape.record(out, parameter: weight) { dout in
    let dx = Tensor(uninitialized: input.shape, elementType: input.elementType, on: backend)
    let isFresh = weight.gradient == nil && bias.gradient == nil
    backend.layerNormBackward(
      input, gain: gain, means: means, inverses: inverses, dout, into: dx,
      dgain: weight.isTrainable ? weight.gradientForSums(isFresh: isFresh) : nil,
      dshift: bias.isTrainable ? bias.gradientForSums(isFresh: isFresh) : nil, isFresh: isFresh)
    xNode?.accumulate(dx, isFresh: true)
  }
}

/// The layer norm of rows [R, W], fp32; the processor writes results in bfloat16 too.
package protocol LayerNormKernels {
  /// out [R, W], and the mean and one over the standard deviation of each row, [R].
  func layerNorm(
    _ x: Tensor, gain: Tensor, shift: Tensor, epsilon: Float, into out: Tensor, means: Tensor, inverses: Tensor)
  /// dx, and the gradients of gain and shift added to what stands there; nil where none is wanted.
  func layerNormBackward(
    _ x: Tensor, gain: Tensor, means: Tensor, inverses: Tensor, _ dout: Tensor, into dx: Tensor, dgain: Tensor?,
    dshift: Tensor?)
  /// The same; where `isFresh`, nothing stands in the gradients of gain and shift yet.
  func layerNormBackward(
    _ x: Tensor, gain: Tensor, means: Tensor, inverses: Tensor, _ dout: Tensor, into dx: Tensor, dgain: Tensor?,
    dshift: Tensor?, isFresh: Bool)
}

extension LayerNormKernels where Self: TensorMemory {
  /// Zeros first.
  package func layerNormBackward(
    _ x: Tensor, gain: Tensor, means: Tensor, inverses: Tensor, _ dout: Tensor, into dx: Tensor, dgain: Tensor?,
    dshift: Tensor?, isFresh: Bool
  ) {
    if isFresh { for target in [dgain, dshift].compactMap({ $0 }) { fillWithZeros(target) } }
    layerNormBackward(
      x, gain: gain, means: means, inverses: inverses, dout, into: dx, dgain: dgain, dshift: dshift)
  }
}

extension CPUBackend: LayerNormKernels {
  /// See `LayerNormKernels`.
  package func layerNorm(
    _ x: Tensor, gain: Tensor, shift: Tensor, epsilon: Float, into out: Tensor, means: Tensor, inverses: Tensor
  ) {
    let width = x.width
    RowSplit.run(x.rows, grain: RowSplit.grain(width: width)) { range in
      let skip = range.lowerBound * width, rows = Int64(range.count)
      let mean = means.floats + range.lowerBound, inverse = inverses.floats + range.lowerBound
      if out.elementType == .bfloat16 {
        carina_layer_norm_rounded(
          x.floats + skip, gain.floats, shift.floats, epsilon, out.bfloats + skip, mean, inverse, rows, Int64(width))
      } else {
        carina_layer_norm_forward(
          x.floats + skip, gain.floats, shift.floats, epsilon, out.floats + skip, mean, inverse, rows, Int64(width))
      }
    }
  }

  /// See `LayerNormKernels`.
  package func layerNormBackward(
    _ x: Tensor, gain: Tensor, means: Tensor, inverses: Tensor, _ dout: Tensor, into dx: Tensor, dgain: Tensor?,
    dshift: Tensor?
  ) {
    let width = x.width
    RowSplit.reduceColumns(x.rows, into: [dgain, dshift], width: width, on: self) { range, partial in
      let skip = range.lowerBound * width
      carina_layer_norm_backward(
        x.floats + skip, gain.floats, means.floats + range.lowerBound, inverses.floats + range.lowerBound,
        dout.floats + skip, dx.floats + skip, partial[0], partial[1], Int64(range.count), Int64(width))
    }
  }
}
