import CarinaTensor

extension CUDABackend {
  /// See `RankingKernels`; waits for the card.
  package func argmaxRows(_ logits: Tensor) -> [Int32] {
    guard logits.count > 0 else { return [Int32](repeating: -1, count: logits.rows) }
    let results = Tensor(uninitialized: [4 * logits.rows], elementType: .uint8, on: self)
    launch(
      KernelName("losses", "argmax_rows"), grid: LaunchGrid(logits.rows), threads: 1024,
      [.tensor(logits.converted(to: .float32)), .tensor(results), .int32(logits.width)])
    return results.withHostBytes { Array($0.bindMemory(to: Int32.self)) }
  }
}
