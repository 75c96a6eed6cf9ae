import CarinaTensor

extension CUDABackend: ConversionKernels {
  /// See `ConversionKernels`.
  package func convert(_ source: Tensor, into target: Tensor) {
    launch(
      kernel("elementwise", "convert", source, target), grid: .runs(source.count, []), threads: LaunchGrid.threads,
      [.tensor(source), .tensor(target), .int64(source.count)])
  }

  /// See `ConversionKernels`.
  package func widenHalves(_ source: Tensor, into target: Tensor) {
    launch(
      KernelName("elementwise", "widen_halves"), grid: .runs(target.count, [target]), threads: LaunchGrid.threads,
      [.tensor(source), .tensor(target), .int64(target.count)])
  }

  /// See `ConversionKernels`; waits for the card.
  package func isFinite(_ x: Tensor) -> Bool {
    let flag = Tensor(zeros: [4], elementType: .uint8, on: self)
    launch(
      kernel("elementwise", "not_finite", x), grid: .runs(x.count, [x]), threads: LaunchGrid.threads,
      [.tensor(x), .tensor(flag), .int64(x.count)])
    return flag.withHostBytes { $0.allSatisfy { $0 == 0 } }
  }

  /// See `ConversionKernels`.
  package func split(_ source: Tensor, upper: Tensor, lower: Tensor) {
    launch(
      KernelName("elementwise", "split"), grid: .runs(source.count, [source]), threads: LaunchGrid.threads,
      [.tensor(source), .tensor(upper), .tensor(lower), .int64(source.count)])
  }

  /// See `ConversionKernels`.
  package func join(upper: Tensor, lower: Tensor, into target: Tensor) {
    launch(
      KernelName("elementwise", "join"), grid: .runs(target.count, [target]), threads: LaunchGrid.threads,
      [.tensor(upper), .tensor(lower), .tensor(target), .int64(target.count)])
  }
}
