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
  private let evenBlocks: Bool

  /// Nil where the processor, the layout or the size of a head does not suit.
  /// - Parameters:
  ///   - moreKeysThan: sequences of fewer keys are not for it.
  ///   - evenBlocks: whether the keys are divided into blocks of about the same length, rather than those that fill the
  ///     cache and a rest.
  init?(
    query: Tensor, key: Tensor, value: Tensor, layout: AttentionLayout, backend: CPUBackend,
    moreKeysThan least: Int = mostWholeKeys, evenBlocks: Bool = false
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
    self.evenBlocks = evenBlocks
  }

  /// Keys of a block.
  private func blockKeys(_ keys: Int) -> Int {
    let most = Int(CARINA_STREAMED_KEYS), panel = Int(CARINA_PANEL_COLUMNS)
    guard evenBlocks else { return most }
    let blocks = (keys + most - 1) / most, panels = (keys + panel - 1) / panel
    return (panels + blocks - 1) / blocks * panel
  }

  /// One head of one sequence: where its rows begin, and how many words its packed keys and values take.
  private struct Head {
    let query: Int, key: Int, rows: Int, keys: Int
    let index: Int
    let keyWords: Int, valueWords: Int
  }

  /// Every head of the keys of every sequence.
  private var heads: [Head] {
    var next = 0
    return zip(layout.queryCounts, zip(layout.keyStarts, layout.keyCounts)).flatMap { rows, keys in
      defer { next += rows }
      return (0..<layout.keyValueHeads).map {
        Head(
          query: next, key: keys.0, rows: rows, keys: keys.1, index: $0,
          keyWords: (keys.1 + 63) / 64 * 64 * layout.headSize / 2,
          valueWords: Int(carina_value_words(Int64(keys.1), Int64(layout.headSize))))
      }
    }
  }

  /// [R, H·E] into `out`. Where the heads divide evenly among the threads each packs those that it then attends to, which
  /// are in its cache; otherwise all are packed first, and blocks of rows are divided.
  func forward(into out: Tensor) {
    let heads = heads, threads = ThreadTeam.count, blockRows = Int(CARINA_STREAMED_ROWS)
    if heads.count % threads == 0 || heads.count >= 16 * threads {
      ThreadTeam.run(taskCount: heads.count) { task in
        let head = heads[task], packed = pack(head)
        for rows in stride(from: 0, to: head.rows, by: blockRows) { attend(rows, of: head, packed, into: out) }
      }
      return
    }
    let room = heads.map {
      Tensor(uninitialized: [2 * ($0.keyWords + $0.valueWords)], elementType: .bfloat16, on: backend)
    }
    ThreadTeam.run(taskCount: heads.count) { pack(heads[$0], into: room[$0]) }
    let blocks = heads.indices.flatMap { head in
      stride(from: 0, to: heads[head].rows, by: blockRows).map { (head: head, rows: $0) }
    }
    ThreadTeam.run(taskCount: blocks.count) { task in
      let block = blocks[task]
      attend(block.rows, of: heads[block.head], room[block.head], into: out)
    }
  }

  /// Keys and behind them values of a head, as the kernel reads them.
  private func pack(_ head: Head) -> Tensor {
    let packed = Tensor(uninitialized: [2 * (head.keyWords + head.valueWords)], elementType: .bfloat16, on: backend)
    pack(head, into: packed)
    return packed
  }

  private func pack(_ head: Head, into packed: Tensor) {
    let size = Int64(layout.headSize), offset = head.key * key.width + head.index * layout.headSize
    carina_pack_rows_as_columns(
      key.floats + offset, Int64(key.width), Int64(head.keys), size, packed.bfloats)
    carina_pack_value_rows(
      value.floats + offset, Int64(value.width), Int64(head.keys), size, StreamedAttention.words(packed, head.keyWords))
  }

  /// The results of the block of query rows from `first` on, for every head of the queries that reads these keys.
  private func attend(_ first: Int, of head: Head, _ packed: Tensor, into out: Tensor) {
    let count = min(Int(CARINA_STREAMED_ROWS), head.rows - first), row = head.query + first
    let group = layout.heads / layout.keyValueHeads
    let memory = PooledBuffer(Int(carina_streamed_attention_bytes()), from: backend.pool)
    for index in head.index * group..<(head.index + 1) * group {
      let column = index * layout.headSize
      carina_streamed_attention(
        query.floats + row * query.width + column, Int64(query.width), Int64(count), Int64(layout.headSize),
        packed.bfloats, StreamedAttention.words(packed, head.keyWords), Int64(head.keys), Int64(blockKeys(head.keys)),
        layout.scale, out.floats + row * out.width + column, Int64(out.width), memory.pointer)
    }
    withExtendedLifetime((memory, packed)) {}
  }

  private static func words(_ tensor: Tensor, _ offset: Int) -> UnsafeMutablePointer<UInt32> {
    tensor.pointer.assumingMemoryBound(to: UInt32.self) + offset
  }
}
