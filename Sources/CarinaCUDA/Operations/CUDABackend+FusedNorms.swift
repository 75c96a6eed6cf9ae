import CarinaTensor

// What stands beside RMS norms in a transformer block, in one pass over memory.

extension CUDABackend: FusedNormKernels {
  /// Its own.
  package var fusedNorms: (any FusedNormKernels)? { self }

  /// See `FusedNormKernels`; activations may each be fp32 or bfloat16.
  package func addRMSNorm(
    _ x: Tensor, _ branch: Tensor, branchGain: Tensor?, gain: Tensor, epsilon: Float, sum: Tensor, out: Tensor,
    branchInverses: Tensor?, inverses: Tensor
  ) {
    precondition((branchGain == nil) == (branchInverses == nil), "a branch's norm needs its inverses")
    let rows = inverses.count, width = gain.count
    let layout = NormLayout(
      rows: rows, width: width, [x, branch, sum, out], others: [gain] + (branchGain.map { [$0] } ?? []))
    launch(
      kernel("fused_norms", "add_rms_norm", branch, out), grid: LaunchGrid(layout.blocks), threads: layout.threads,
      [
        .tensor(x), .tensor(branch), .optional(branchGain), .tensor(gain), .float(epsilon), .tensor(sum), .tensor(out),
        .optional(branchInverses), .tensor(inverses),
      ] + layout.arguments(rows: rows, width: width))
  }

  /// See `FusedNormKernels`; activations may each be fp32 or bfloat16.
  package func addRMSNormBackward(
    sum: Tensor, gain: Tensor, inverses: Tensor, _ dout: Tensor, residual: Tensor, branch: Tensor, branchGain: Tensor,
    branchInverses: Tensor, dx: Tensor, dbranch: Tensor, dgain: Tensor?, dbranchGain: Tensor?,
    isFresh: Bool = false
  ) {
    precondition(branch.elementType == dbranch.elementType, "\(dbranch.elementType) for \(branch.elementType)")
    let rows = inverses.count, width = gain.count, targets = [dgain, dbranchGain].compactMap { $0 }
    guard rows > 0, width > 0 else {
      if isFresh { for target in targets { fillWithZeros(target) } }
      return
    }
    let layout = NormLayout(
      rows: rows, width: width, [sum, dout, residual, branch, dx, dbranch], others: [gain, branchGain],
      sumsColumns: !targets.isEmpty, mostThreads: 256)
    let partials = targets.isEmpty ? nil : Tensor(uninitialized: [targets.count * layout.blocks, width], on: self)
    func own(_ target: Tensor?, _ index: Int) -> Tensor? {
      target == nil ? nil : partials?.rowSlice(index * layout.blocks..<(index + 1) * layout.blocks)
    }
    launch(
      kernel("fused_norms", "add_rms_norm_backward", branch, dout), grid: LaunchGrid(layout.blocks),
      threads: layout.threads,
      [
        .tensor(sum), .tensor(gain), .tensor(inverses), .tensor(dout), .tensor(residual), .tensor(branch),
        .tensor(branchGain), .tensor(branchInverses), .tensor(dx), .tensor(dbranch), .optional(own(dgain, 0)),
        .optional(own(dbranchGain, targets.count - 1)),
      ] + layout.arguments(rows: rows, width: width))
    if let partials { addPartialRows(partials, to: targets, rows: layout.blocks, isFresh: isFresh) }
  }

  /// See `FusedNormKernels`; activations may each be fp32 or bfloat16.
  package func normRotate(
    _ x: Tensor, gain: Tensor, epsilon: Float, table: RotaryTable, positions: [Int32], into out: Tensor,
    inverses: Tensor
  ) {
    let rows = positions.count, heads = inverses.count / max(1, rows)
    launch(
      kernel("fused_norms", "norm_rotate", x, out), grid: LaunchGrid(min((inverses.count + 3) / 4, Int(Int32.max))),
      threads: 128,
      [
        .tensor(x), .tensor(gain), .float(epsilon), .tensor(arrayOnCard(table.cosines)),
        .tensor(arrayOnCard(table.sines)), .tensor(arrayOnCard(positions)), .tensor(out), .tensor(inverses),
        .int64(rows), .int32(heads), .int32(table.headSize / 2),
      ])
  }

  /// See `FusedNormKernels`; activations may each be fp32 or bfloat16.
  package func normRotateBackward(
    _ x: Tensor, gain: Tensor, inverses: Tensor, table: RotaryTable, positions: [Int32], _ dout: Tensor,
    into dx: Tensor, dgain: Tensor?, isFresh: Bool = false
  ) {
    let rows = positions.count, heads = inverses.count / max(1, rows), half = table.headSize / 2
    guard inverses.count > 0 else {
      if isFresh, let dgain { fillWithZeros(dgain) }
      return
    }
    withGradient(of: x, into: dx) { x, dx in
      // Heads that do not fit runs of 16 bytes are summed by blocks of one warp.
      let fits = half % 4 == 0 && half <= 128 && [x, gain, dout, dx].allSatisfy { $0.deviceAddress % 16 == 0 }
      let warps = fits ? 4 : 1, wanted = (inverses.count + warps - 1) / warps
      let blocks = dgain == nil ? min(wanted, Int(Int32.max)) : min(wanted, 792)
      let partials = dgain.map { _ in Tensor(uninitialized: [blocks, table.headSize], on: self) }
      launch(
        kernel("fused_norms", "norm_rotate_backward", x, dout), grid: LaunchGrid(blocks), threads: 32 * warps,
        [
          .tensor(x), .tensor(gain), .tensor(inverses), .tensor(arrayOnCard(table.cosines)),
          .tensor(arrayOnCard(table.sines)), .tensor(arrayOnCard(positions)), .tensor(dout), .tensor(dx),
          .optional(partials), .int64(rows), .int32(heads), .int32(half),
        ])
      if let partials, let dgain { addPartialRows(partials, to: [dgain], rows: blocks, isFresh: isFresh) }
    }
  }
}
