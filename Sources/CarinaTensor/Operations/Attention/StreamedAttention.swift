import CKernels
import CarinaRuntime

/// Attention of long sequences in which every query sees every key, as in a vision encoder of thousands of patches:
/// blocks of queries meet blocks of keys in bfloat16 tiles, and largest score and sum of a row are corrected from block
/// to block (Milakov and Gimelshein 2018; Dao et al. 2022, FlashAttention), so that scores never leave the cache.
struct StreamedAttention {
  /// More keys than this are streamed: the scores of a block of rows over fewer stay in the second-level cache.
  static let mostWholeKeys = 1024

  private let query: Tensor, key: Tensor, value: Tensor
  private let layout: AttentionLayout
  private let backend: CPUBackend

  /// Nil where the processor, the layout or the size of a head does not suit.
  /// - Parameter moreKeysThan: sequences of fewer keys are not for it.
  init?(
    query: Tensor, key: Tensor, value: Tensor, layout: AttentionLayout, backend: CPUBackend,
    moreKeysThan least: Int = mostWholeKeys
  ) {
    let size = layout.headSize
    guard carina_has_tile_products() != 0, !layout.isCausal, size % 2 == 0, size <= Int(CARINA_STREAMED_WIDTH),
      layout.keyCounts.allSatisfy({ $0 > least })
    else { return nil }
    self.query = query
    self.key = key
    self.value = value
    self.layout = layout
    self.backend = backend
  }

  /// [R, H·E] into `out`.
  func forward(into out: Tensor) {
    let size = layout.headSize, heads = layout.heads, group = heads / layout.keyValueHeads
    let keyWords = layout.keyCounts.map { ($0 + 63) / 64 * 64 * size / 2 }
    let valueWords = layout.keyCounts.map { Int(carina_value_words(Int64($0), Int64(size))) }
    let packed = pack(keyWords, valueWords)
    let blockRows = Int(CARINA_STREAMED_ROWS)
    var tasks: [(sequence: Int, head: Int, rows: Range<Int>)] = [], next = 0
    for (sequence, count) in layout.queryCounts.enumerated() {
      for head in 0..<heads {
        for first in stride(from: 0, to: count, by: blockRows) {
          tasks.append((sequence, head, next + first..<next + min(count, first + blockRows)))
        }
      }
      next += count
    }
    ThreadTeam.run(taskCount: tasks.count) { index in
      let task = tasks[index], first = task.rows.lowerBound
      let memory = PooledBuffer(Int(carina_streamed_attention_bytes()), from: backend.pool)
      let (keys, values) = packed[task.sequence], head = task.head / group
      carina_streamed_attention(
        query.floats + first * query.width + task.head * size, Int64(query.width), Int64(task.rows.count), Int64(size),
        keys.bfloats + 2 * head * keyWords[task.sequence],
        StreamedAttention.words(values, head * valueWords[task.sequence]),
        Int64(layout.keyCounts[task.sequence]), Int64(CARINA_STREAMED_KEYS), layout.scale, out.floats + first * out.width + task.head * size,
        Int64(out.width), memory.pointer)
      withExtendedLifetime(memory) {}
    }
    withExtendedLifetime(packed) {}
  }

  /// Keys and values of each sequence, head by head, as the kernel reads them.
  private func pack(_ keyWords: [Int], _ valueWords: [Int]) -> [(keys: Tensor, values: Tensor)] {
    let size = layout.headSize, heads = layout.keyValueHeads
    let packed = layout.keyCounts.indices.map { sequence in
      (
        keys: Tensor(uninitialized: [2 * heads * keyWords[sequence]], elementType: .bfloat16, on: backend),
        values: Tensor(uninitialized: [2 * heads * valueWords[sequence]], elementType: .bfloat16, on: backend)
      )
    }
    ThreadTeam.run(taskCount: packed.count * heads) { task in
      let sequence = task / heads, head = task % heads, count = Int64(layout.keyCounts[sequence])
      let offset = layout.keyStarts[sequence] * key.width + head * size
      carina_pack_rows_as_columns(
        key.floats + offset, Int64(key.width), count, Int64(size),
        packed[sequence].keys.bfloats + 2 * head * keyWords[sequence])
      carina_pack_value_rows(
        value.floats + offset, Int64(value.width), count, Int64(size),
        StreamedAttention.words(packed[sequence].values, head * valueWords[sequence]))
    }
    return packed
  }

  private static func words(_ tensor: Tensor, _ offset: Int) -> UnsafeMutablePointer<UInt32> {
    tensor.pointer.assumingMemoryBound(to: UInt32.self) + offset
  }
}
