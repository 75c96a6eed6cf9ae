import CarinaTensor

extension CUDABackend: GELUKernels {
  /// See `GELUKernels`; each tensor may be fp32 or bfloat16.
  package func gelu(_ x: Tensor, _ kind: GELUKind, into out: Tensor) {
    launch(
      kernel("elementwise", kind == .exact ? "gelu_exact" : "gelu_tanh", x, out), grid: .runs(x.count, [x, out]),
      threads: LaunchGrid.threads, [.tensor(x), .tensor(out), .int64(x.count)])
  }

  /// See `GELUKernels`; each tensor may be fp32 or bfloat16.
  package func geluBackward(_ x: Tensor, _ dout: Tensor, _ kind: GELUKind, into dx: Tensor) {
    launch(
      kernel("elementwise", kind == .exact ? "gelu_exact_backward" : "gelu_tanh_backward", x, dout, dx),
      grid: .runs(x.count, [x, dout, dx]), threads: LaunchGrid.threads,
      [.tensor(x), .tensor(dout), .tensor(dx), .int64(x.count)])
  }

  /// See `GELUKernels`; each tensor may be fp32 or bfloat16.
  package func gatedGELU(gate: Tensor, up: Tensor, into out: Tensor) {
    gated(gate, up.converted(to: gate.elementType), out, rows: 1, width: gate.count, stride: gate.count)
  }

  /// See `GELUKernels`; dgate and dup of one type.
  package func gatedGELUBackward(gate: Tensor, up: Tensor, _ dout: Tensor, dgate: Tensor, dup: Tensor) {
    precondition(dgate.elementType == dup.elementType, "gradients of \(dgate.elementType) and \(dup.elementType)")
    gatedBackward(
      gate, up.converted(to: gate.elementType), dout, dgate, dup, rows: 1, width: gate.count, stride: gate.count)
  }

  /// out [R, F] = gelu(gate) · up, tanh form, of gate and up side by side in rows of one tensor [R, 2F].
  package func gatedGELU(gateAndUp x: Tensor, into out: Tensor) {
    let width = out.width
    precondition(x.width == 2 * width && x.rows == out.rows, "\(x.shape) is not two of \(out.shape) side by side")
    gated(x, CUDABackend.column(width, of: x), out, rows: out.rows, width: width, stride: 2 * width)
  }

  /// The gradients of both, side by side in rows of `dx` [R, 2F].
  package func gatedGELUBackward(gateAndUp x: Tensor, _ dout: Tensor, into dx: Tensor) {
    let width = dout.width
    precondition(
      x.width == 2 * width && x.rows == dout.rows && dx.count == x.count,
      "\(x.shape) is not two of \(dout.shape) side by side")
    gatedBackward(
      x, CUDABackend.column(width, of: x), dout, dx, CUDABackend.column(width, of: dx), rows: dout.rows, width: width,
      stride: 2 * width)
  }

  /// The tensor's numbers from a column of the first row on.
  private static func column(_ column: Int, of x: Tensor) -> Tensor {
    x.elementSlice(min(column, x.count)..<x.count)
  }

  private func gated(_ gate: Tensor, _ up: Tensor, _ out: Tensor, rows: Int, width: Int, stride: Int) {
    let (grid, threads) = LaunchGrid.rowRuns(rows: rows, width: width, [gate, out])
    launch(
      kernel("elementwise", "gated_gelu", gate, out), grid: grid, threads: threads,
      [.tensor(gate), .tensor(up), .tensor(out), .int64(rows), .int64(width), .int64(stride)])
  }

  private func gatedBackward(
    _ gate: Tensor, _ up: Tensor, _ dout: Tensor, _ dgate: Tensor, _ dup: Tensor, rows: Int, width: Int, stride: Int
  ) {
    let (grid, threads) = LaunchGrid.rowRuns(rows: rows, width: width, [gate, dout, dgate])
    launch(
      kernel("elementwise", "gated_gelu_backward", gate, dout, dgate), grid: grid, threads: threads,
      [
        .tensor(gate), .tensor(up), .tensor(dout), .tensor(dgate), .tensor(dup), .int64(rows), .int64(width),
        .int64(stride),
      ])
  }
}
