/// Sizes of tiles and shared memory, as `attention_tiles.cuh` and the files of kernels choose them for a size of heads.
struct AttentionTiles {
  /// Rows and keys of a tile of the fp32 kernels, and their threads.
  static let float = 64, floatThreads = 256
  /// Threads of the kernels of few rows, and the (row, head) pairs of a block.
  static let decodingThreads = 128, decodingPairs = 4

  let headSize: Int
  /// Bytes of a row in shared memory.
  private var row: Int { 2 * (headSize % 16 == 0 ? headSize + 8 : headSize) }
  private var stages: Int { headSize <= 128 ? 2 : 1 }

  /// Query rows of a block, and its threads.
  var queryRows: Int { headSize <= 128 ? 128 : 64 }
  let queryThreads = 128
  /// Keys of a block of the backward pass, and its threads.
  var keys: Int { headSize <= 80 ? 128 : 64 }
  var keyThreads: Int { sharesColumns ? 256 : 128 }
  private var sharesColumns: Bool { headSize > 128 }
  private var stepRows: Int { headSize <= 80 ? 32 : 64 }

  /// Shared memory of the forward kernel, and of those of the gradients of queries, and of keys and values.
  var forwardBytes: Int { (queryRows + 2 * stages * 64) * row }
  var queryGradientBytes: Int { (2 * queryRows + 2 * stages * (headSize <= 80 ? 64 : 32)) * row }
  var keyGradientBytes: Int {
    (2 * keys + 4 * stepRows) * row + 2 * stepRows * 16 + (sharesColumns ? 2 * keys * (stepRows + 8) * 2 : 0)
  }

  /// Whether heads of this size are computed by `attention_hopper.cu`: those for which it was measured to be faster.
  var hasHopper: Bool { [64, 72, 128].contains(headSize) }
  /// Its warpgroups of 64 query rows, and keys of a step.
  private var warpgroups: Int { headSize == 72 ? 4 : 3 }
  private var hopperKeys: Int { headSize <= 80 ? 64 : 80 }
  var hopperRows: Int { 64 * warpgroups }
  var hopperThreads: Int { 128 * warpgroups }
  /// Its shared memory: queries, and two tiles of keys and of values.
  var hopperBytes: Int { (hopperRows + 4 * hopperKeys) * ((headSize + 15) / 16 * 32) }

  /// Shared memory of the kernel of few rows.
  func decodingBytes(elementBytes: Int) -> Int {
    let vectors = headSize * elementBytes / 16
    let lanes = [16, 8, 4, 2].first { vectors >= $0 } ?? 1
    return AttentionTiles.decodingThreads / lanes * AttentionTiles.decodingPairs * (headSize + 2) * 4
  }
}
