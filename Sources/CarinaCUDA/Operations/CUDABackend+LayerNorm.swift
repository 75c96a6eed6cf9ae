import CarinaTensor

extension CUDABackend: LayerNormKernels {
  /// See `LayerNormKernels`; x and out may each be fp32 or bfloat16.
  package func layerNorm(
    _ x: Tensor, gain: Tensor, shift: Tensor, epsilon: Float, into out: Tensor, means: Tensor, inverses: Tensor
  ) {
    let rows = x.rows, width = x.width
    let layout = NormLayout(rows: rows, width: width, [x, out], others: [gain, shift])
    launch(
      kernel("norms", "layer_norm", x, out), grid: LaunchGrid(layout.blocks), threads: layout.threads,
      [
        .tensor(x), .tensor(gain), .tensor(shift), .float(epsilon), .tensor(out), .tensor(means), .tensor(inverses),
      ] + layout.arguments(rows: rows, width: width))
  }

  /// See `LayerNormKernels`; x, dout and dx may each be fp32 or bfloat16.
  package func layerNormBackward(
    _ x: Tensor, gain: Tensor, means: Tensor, inverses: Tensor, _ dout: Tensor, into dx: Tensor, dgain: Tensor?,
    dshift: Tensor?
  ) {
    layerNormBackward(
      x, gain: gain, means: means, inverses: inverses, dout, residual: nil, into: dx, dgain: dgain, dshift: dshift)
  }

  /// See `LayerNormKernels`.
  package func layerNormBackward(
    _ x: Tensor, gain: Tensor, means: Tensor, inverses: Tensor, _ dout: Tensor, into dx: Tensor, dgain: Tensor?,
    dshift: Tensor?, isFresh: Bool
  ) {
    layerNormBackward(
      x, gain: gain, means: means, inverses: inverses, dout, residual: nil, into: dx, dgain: dgain, dshift: dshift,
      isFresh: isFresh)
  }

  /// dx = residual + the norm's dx: the gradient of x where it also goes on past the norm.
  /// - Parameter residual: fp32 of x's shape; nil for none.
  package func layerNormBackward(
    _ x: Tensor, gain: Tensor, means: Tensor, inverses: Tensor, _ dout: Tensor, residual: Tensor?, into dx: Tensor,
    dgain: Tensor?, dshift: Tensor?, isFresh: Bool = false
  ) {
    let rows = x.rows, width = x.width, targets = [dgain, dshift].compactMap { $0 }
    guard rows > 0, width > 0 else {
      if isFresh { for target in targets { fillWithZeros(target) } }
      return
    }
    withGradient(of: x, into: dx) { x, dx in
      let layout = NormLayout(
        rows: rows, width: width, [x, dout], others: [gain, dx] + (residual.map { [$0] } ?? []),
        sumsColumns: !targets.isEmpty)
      let partials = targets.isEmpty ? nil : Tensor(uninitialized: [targets.count * layout.blocks, width], on: self)
      func own(_ target: Tensor?, _ index: Int) -> Tensor? {
        target == nil ? nil : partials?.rowSlice(index * layout.blocks..<(index + 1) * layout.blocks)
      }
      launch(
        kernel("norms", "layer_norm_backward", x, dout), grid: LaunchGrid(layout.blocks), threads: layout.threads,
        [
          .tensor(x), .tensor(gain), .tensor(means), .tensor(inverses), .tensor(dout), .optional(residual), .tensor(dx),
          .optional(own(dgain, 0)), .optional(own(dshift, targets.count - 1)),
        ] + layout.arguments(rows: rows, width: width))
      if let partials { addPartialRows(partials, to: targets, rows: layout.blocks, isFresh: isFresh) }
    }
  }
}
