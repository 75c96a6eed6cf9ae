import CarinaTensor

extension CUDABackend {
  /// Rows of a sequence that still count as few.
  private static let mostDecodingRows = 8
  /// Keys that a block reads at least, and the most shares of a sequence's keys.
  private static let leastDecodingKeys = 64, mostDecodingSplits = 32

  /// Whether the kernel that reads long caches for few rows computes a layout.
  func isDecoding(_ layout: AttentionLayout) -> Bool {
    layout.headSize % 8 == 0 && layout.queryCounts.allSatisfy { $0 <= CUDABackend.mostDecodingRows }
  }

  /// Attention of few rows to long caches: blocks read shares of each sequence's keys; their results are combined in
  /// order.
  func decode(_ q: Tensor, _ k: Tensor, _ v: Tensor, _ layout: AttentionLayout, into out: Tensor) {
    // The cache is the large one: it is read as it is.
    let type = k.elementType, q = q.converted(to: type), v = v.converted(to: type)
    let result = out.elementType == type ? out : Tensor(uninitialized: out.shape, elementType: type, on: self)
    let tiles = AttentionTiles(headSize: layout.headSize), group = layout.heads / layout.keyValueHeads
    let plan = AttentionPlan(
      layout, queryTile: CUDABackend.mostDecodingRows, keyTile: AttentionTiles.float,
      alignment: CUDABackend.mostDecodingRows, on: self)
    let pairs = (layout.queryCounts.max() ?? 0) * group
    let chunks = (pairs + AttentionTiles.decodingPairs - 1) / AttentionTiles.decodingPairs
    let blocks = layout.keyValueHeads * chunks * plan.queryBlockCount
    guard blocks > 0 else { return }
    let splits = max(
      1,
      min(
        4 * multiprocessorCount / blocks, (layout.keyCounts.max() ?? 0) / CUDABackend.leastDecodingKeys,
        CUDABackend.mostDecodingSplits))
    let partial = splits > 1 ? Tensor(uninitialized: [splits, q.count], on: self) : nil
    let statistics = splits > 1 ? Tensor(uninitialized: [splits, q.rows * layout.heads * 2], on: self) : nil
    launch(
      name("attention_decoding", "attention_decode_\(q.letter)", layout),
      grid: LaunchGrid(layout.keyValueHeads * chunks, plan.queryBlockCount, splits),
      threads: AttentionTiles.decodingThreads, sharedBytes: tiles.decodingBytes(elementBytes: type.byteCount),
      early: true,
      [
        .tensor(q), .tensor(k), .tensor(v), .tensor(result), .optional(partial), .optional(statistics),
        .tensor(plan.queryBlocks), .tensor(plan.ranges), .int32(layout.heads), .int32(layout.keyValueHeads),
        .int32(q.rows), .int32(splits), .float(layout.scale),
      ])
    if let partial, let statistics {
      launch(
        name("attention_decoding", "attention_combine_\(q.letter)", layout),
        grid: LaunchGrid(q.rows * layout.heads), threads: AttentionTiles.decodingThreads, early: true,
        [.tensor(partial), .tensor(statistics), .tensor(result), .int32(q.rows * layout.heads), .int32(splits)])
    }
    if result.elementType != out.elementType { convert(result, into: out) }
  }
}
