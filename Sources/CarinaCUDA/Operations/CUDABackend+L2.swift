import CarinaTensor

extension CUDABackend: L2Kernels {
  /// See `L2Kernels`; x and out may each be fp32 or bfloat16.
  package func l2Normalize(_ x: Tensor, into out: Tensor, inverses: Tensor) {
    let layout = NormLayout(rows: x.rows, width: x.width, [x, out])
    launch(
      kernel("norms", "l2_normalize", x, out), grid: LaunchGrid(layout.blocks), threads: layout.threads,
      [.tensor(x), .tensor(out), .tensor(inverses)] + layout.arguments(rows: x.rows, width: x.width))
  }

  /// See `L2Kernels`; each tensor of rows may be fp32 or bfloat16.
  package func l2NormalizeBackward(_ result: Tensor, inverses: Tensor, _ dout: Tensor, into dx: Tensor) {
    let layout = NormLayout(rows: result.rows, width: result.width, [result, dout, dx])
    launch(
      kernel("norms", "l2_normalize_backward", result, dout, dx), grid: LaunchGrid(layout.blocks),
      threads: layout.threads,
      [.tensor(result), .tensor(inverses), .tensor(dout), .tensor(dx)]
        + layout.arguments(rows: result.rows, width: result.width))
  }
}
