import CarinaTensor

extension CUDABackend: AdditionKernels {
  /// See `AdditionKernels`; each of the three may be fp32 or bfloat16.
  package func add(_ a: Tensor, _ b: Tensor, into target: Tensor) {
    launch(
      kernel("elementwise", "add", a, b, target), grid: .runs(a.count, [a, b, target]), threads: LaunchGrid.threads,
      [.tensor(a), .tensor(b), .tensor(target), .int64(a.count)])
  }
}
