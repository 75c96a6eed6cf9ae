import CarinaTensor

extension CUDABackend: RMSNormKernels {
  /// See `RMSNormKernels`; x and out may each be fp32 or bfloat16.
  package func rmsNorm(_ x: Tensor, gain: Tensor, epsilon: Float, into out: Tensor, inverses: Tensor) {
    let rows = inverses.count, width = gain.count
    let layout = NormLayout(rows: rows, width: width, [x, out], others: [gain])
    launch(
      kernel("norms", "rms_norm", x, out), grid: LaunchGrid(layout.blocks), threads: layout.threads,
      [.tensor(x), .tensor(gain), .float(epsilon), .tensor(out), .tensor(inverses)]
        + layout.arguments(rows: rows, width: width))
  }

  /// See `RMSNormKernels`; x, dout and dx may each be fp32 or bfloat16.
  package func rmsNormBackward(
    _ x: Tensor, gain: Tensor, inverses: Tensor, _ dout: Tensor, into dx: Tensor, dgain: Tensor?
  ) {
    rmsNormBackward(x, gain: gain, inverses: inverses, dout, residual: nil, into: dx, dgain: dgain)
  }

  /// See `RMSNormKernels`.
  package func rmsNormBackward(
    _ x: Tensor, gain: Tensor, inverses: Tensor, _ dout: Tensor, into dx: Tensor, dgain: Tensor?, isFresh: Bool
  ) {
    rmsNormBackward(
      x, gain: gain, inverses: inverses, dout, residual: nil, into: dx, dgain: dgain, isFresh: isFresh)
  }

  /// dx = residual + the norm's dx: the gradient of x where it also goes on past the norm.
  /// - Parameter residual: fp32 of x's shape; nil for none.
  package func rmsNormBackward(
    _ x: Tensor, gain: Tensor, inverses: Tensor, _ dout: Tensor, residual: Tensor?, into dx: Tensor, dgain: Tensor?,
    isFresh: Bool = false
  ) {
    let rows = inverses.count, width = gain.count
    guard rows > 0, width > 0 else {
      if isFresh, let dgain { fillWithZeros(dgain) }
      return
    }
    withGradient(of: x, into: dx) { x, dx in
      let layout = NormLayout(
        rows: rows, width: width, [x, dout], others: [gain, dx] + (residual.map { [$0] } ?? []),
        sumsColumns: dgain != nil)
      let partials = dgain.map { _ in Tensor(uninitialized: [layout.blocks, width], on: self) }
      launch(
        kernel("norms", "rms_norm_backward", x, dout), grid: LaunchGrid(layout.blocks), threads: layout.threads,
        [
          .tensor(x), .tensor(gain), .tensor(inverses), .tensor(dout), .optional(residual), .tensor(dx),
          .optional(partials),
        ] + layout.arguments(rows: rows, width: width))
      if let partials, let dgain { addPartialRows(partials, to: [dgain], rows: layout.blocks, isFresh: isFresh) }
    }
  }
}
