/// How an attention call is cut into blocks of query rows.
struct AttentionBlocks {
  /// One sequence's rows of one block, and the columns that any of them sees.
  struct Block {
    let rows: Range<Int>
    let columns: Range<Int>
    /// Columns that each row sees, counted from `columns.lowerBound`.
    let first: [Int32]
    let last: [Int32]
  }

  /// Query rows of a block: few enough that their scores stay in the second-level cache at a thousand keys.
  static let blockRows = 64
  /// Scores of a block of `mostRows` rows, which leave room in that cache.
  private static let mostScores = 1 << 17

  /// Rows where each sequence begins, in queries and in keys.
  let starts: [(query: Int, key: Int)]
  /// The blocks of each sequence.
  let blocks: [[Block]]

  /// Query rows of a block where all of a sequence's rows see the same columns: keys and values are packed for each block
  /// anew, so there are few of them where each thread has heads enough.
  static func mostRows(_ layout: AttentionLayout, threads: Int) -> Int {
    let columns = layout.keyCounts.max() ?? 0
    guard !layout.isCausal, columns > 0, layout.heads * layout.queryCounts.count >= 2 * threads else {
      return blockRows
    }
    return blockRows * min(max(mostScores / (columns * blockRows), 1), 3)
  }

  /// Cuts the queries of `layout`; the first column of a block is a multiple of `alignment`.
  init(_ layout: AttentionLayout, rows blockRows: Int = AttentionBlocks.blockRows, alignment: Int = 1) {
    var next = 0
    starts = zip(layout.queryCounts, layout.keyStarts).map { queries, key in
      defer { next += queries }
      return (next, key)
    }
    blocks = layout.queryCounts.indices.map { sequence in
      let queries = layout.queryCounts[sequence]
      return stride(from: 0, to: queries, by: blockRows).map { first in
        let rows = first..<min(queries, first + blockRows)
        let seen = rows.map { layout.visible(row: $0, of: sequence) }
        let lower = (seen.map(\.lowerBound).min() ?? 0) / alignment * alignment
        let upper = seen.map(\.upperBound).max() ?? 0
        return Block(
          rows: rows, columns: lower..<max(lower, upper), first: seen.map { Int32($0.lowerBound - lower) },
          last: seen.map { Int32($0.upperBound - lower) })
      }
    }
  }

  /// Every block of every head, to be shared out among threads.
  func tasks(heads: Int) -> [(sequence: Int, head: Int, block: Block)] {
    blocks.enumerated().flatMap { sequence, blocks in
      (0..<heads).flatMap { head in blocks.map { (sequence: sequence, head: head, block: $0) } }
    }
  }
}
