import CarinaTensor

extension CUDABackend: RankingKernels {
  /// See `RankingKernels`; logits may be bfloat16 too. Only the answers are read, for which the card is waited for.
  package func argmaxRows(_ logits: Tensor) -> [Int32] {
    let rows = logits.rows, width = logits.width
    guard rows > 0 else { return [] }
    // A single row must be shared out for its memory to be read fast.
    let pieces = max(1, min(64, (width + 4095) / 4096))
    let values = Tensor(uninitialized: [rows, pieces], on: self)
    let indices = Tensor(uninitialized: [rows, pieces], on: self)
    let results = Tensor(uninitialized: [4 * rows], elementType: .uint8, on: self)
    launch(
      kernel("rows", "rank_pieces", logits), grid: LaunchGrid(rows, pieces), threads: 256,
      [.tensor(logits), .tensor(values), .tensor(indices), .int32(width)])
    launch(
      KernelName("rows", "rank_rows"), grid: LaunchGrid(rows), threads: 32,
      [.tensor(values), .tensor(indices), .tensor(results), .int32(pieces)])
    return results.withHostBytes { Array($0.bindMemory(to: Int32.self)) }
  }
}
