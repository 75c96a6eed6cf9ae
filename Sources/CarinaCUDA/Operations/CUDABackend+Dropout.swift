import CarinaTensor

extension CUDABackend: DropoutKernels {
  /// See `DropoutKernels`; either may be fp32 or bfloat16.
  package func drop(_ source: Tensor, _ mask: DropoutMask, into target: Tensor) {
    run("drop", source, mask, target)
  }

  /// See `DropoutKernels`; either may be fp32 or bfloat16.
  package func addKept(_ source: Tensor, _ mask: DropoutMask, to target: Tensor) {
    run("add_kept", source, mask, target)
  }

  private func run(_ function: String, _ source: Tensor, _ mask: DropoutMask, _ target: Tensor) {
    let (grid, threads) = LaunchGrid.rowRuns(rows: source.rows, width: source.width, [source, target])
    launch(
      kernel("elementwise", function, source, target), grid: grid, threads: threads,
      [
        .tensor(source), .tensor(target), .uint64(mask.key), .uint32(mask.threshold), .int64(source.rows),
        .int64(source.width),
      ])
  }

  /// See `DropoutKernels`; x may be bfloat16 too.
  package func scale(_ x: Tensor, by factor: Float) {
    launch(
      kernel("elementwise", "scale", x), grid: .runs(x.count, [x]), threads: LaunchGrid.threads,
      [.tensor(x), .float(factor), .int64(x.count)])
  }
}
