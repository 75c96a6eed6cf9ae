import CarinaTensor

/// How the kernels share out the rows and keys of one attention layout: tiles of query rows, tiles of keys, and the keys
/// that each row sees, in one array on the card (the structures of `attention_blocks.cuh`). A model asks with the same layout in
/// every layer, so arrays are kept by the layout's values.
struct AttentionPlan {
  /// What an array depends on.
  struct Key: Hashable {
    let queryCounts: [Int], keyCounts: [Int], keyStarts: [Int]
    let isCausal: Bool
    let window: Int?
    let mutualRuns: [[Range<Int>]]?
    /// Rows and keys of a tile, and the multiple at which each sequence's rows begin in ranges and statistics.
    let queryTile: Int, keyTile: Int, alignment: Int

    init(_ layout: AttentionLayout, queryTile: Int, keyTile: Int, alignment: Int) {
      queryCounts = layout.queryCounts
      keyCounts = layout.keyCounts
      keyStarts = layout.keyStarts
      isCausal = layout.isCausal
      window = layout.window
      mutualRuns = layout.mutualRuns
      self.queryTile = queryTile
      self.keyTile = keyTile
      self.alignment = alignment
    }
  }

  /// Tiles of query rows and of keys.
  let queryBlockCount: Int, keyBlockCount: Int
  /// Rows of ranges and statistics.
  let paddedRows: Int
  private let array: Tensor

  /// The plan of a layout, from what `kept` has where it is there.
  init(_ layout: AttentionLayout, queryTile: Int, keyTile: Int, alignment: Int = 128, on backend: CUDABackend) {
    func tiles(_ count: Int, _ size: Int) -> Int { (count + size - 1) / size }
    queryBlockCount = layout.queryCounts.reduce(0) { $0 + tiles($1, queryTile) }
    keyBlockCount = layout.keyCounts.reduce(0) { $0 + tiles($1, keyTile) }
    paddedRows = layout.queryCounts.reduce(0) { $0 + tiles($1, alignment) * alignment }
    let key = Key(layout, queryTile: queryTile, keyTile: keyTile, alignment: alignment)
    array = backend.kept.array(.plan(key)) { backend.upload(AttentionPlan.numbers(layout, key)) }
  }

  /// The first and last key of each row.
  var ranges: Tensor { part(from: 0, count: 2 * paddedRows) }
  /// The tiles of query rows.
  var queryBlocks: Tensor { part(from: 2 * paddedRows, count: QueryBlock.width * queryBlockCount) }
  /// The tiles of keys.
  var keyBlocks: Tensor {
    part(from: 2 * paddedRows + QueryBlock.width * queryBlockCount, count: KeyBlock.width * keyBlockCount)
  }

  private func part(from first: Int, count: Int) -> Tensor {
    Tensor(shape: [4 * count], elementType: .uint8, storage: array.storage, byteOffset: array.byteOffset + 4 * first)
  }

  private struct QueryBlock {
    static let width = 8
    let row: Int, rows: Int, key: Int, padded: Int, seen: Range<Int>, seenByAll: (lower: Int, upper: Int)
    var numbers: [Int] {
      [row, rows, key, padded, seen.lowerBound, seen.upperBound, seenByAll.lower, seenByAll.upper]
    }
  }

  private struct KeyBlock {
    static let width = 10
    let key: Int, keys: Int, row: Int, rows: Int, padded: Int
    let seeing: Range<Int>, seeingAll: (lower: Int, upper: Int), column: Int
    var numbers: [Int] {
      [
        key, keys, row, rows, padded, seeing.lowerBound, seeing.upperBound, seeingAll.lower, seeingAll.upper, column,
      ]
    }
  }

  /// Ranges, tiles of query rows and tiles of keys, those with most work first, so that the last ones to end are short.
  private static func numbers(_ layout: AttentionLayout, _ key: Key) -> [Int32] {
    var ranges: [Int32] = [], queryBlocks: [QueryBlock] = [], keyBlocks: [KeyBlock] = []
    var row = 0, padded = 0
    for (sequence, queries) in layout.queryCounts.enumerated() {
      let keys = layout.keyCounts[sequence], start = layout.keyStarts[sequence]
      // First and last key of a row never fall from one row to the next.
      var first: [Int] = [], last: [Int] = []
      first.reserveCapacity(queries)
      last.reserveCapacity(queries)
      for index in 0..<queries {
        let seen = layout.visible(row: index, of: sequence)
        first.append(seen.lowerBound)
        last.append(seen.upperBound)
      }
      for lower in stride(from: 0, to: queries, by: key.queryTile) {
        let upper = min(queries, lower + key.queryTile)
        // Rows that see no key lie at the beginning and have 0 ..< 0.
        queryBlocks.append(
          QueryBlock(
            row: row + lower, rows: upper - lower, key: start, padded: padded + lower,
            seen: first[lower]..<max(first[lower], last[upper - 1]), seenByAll: (first[upper - 1], last[lower])))
      }
      for lower in stride(from: 0, to: keys, by: key.keyTile) {
        let upper = min(keys, lower + key.keyTile)
        let any = (AttentionPlan.index(in: last) { $0 > lower }, AttentionPlan.index(in: first) { $0 >= upper })
        let all = (AttentionPlan.index(in: last) { $0 >= upper }, AttentionPlan.index(in: first) { $0 > lower })
        keyBlocks.append(
          KeyBlock(
            key: start + lower, keys: upper - lower, row: row, rows: queries, padded: padded,
            seeing: any.0..<max(any.0, any.1), seeingAll: all, column: lower))
      }
      for index in 0..<queries {
        ranges.append(Int32(first[index]))
        ranges.append(Int32(last[index]))
      }
      let aligned = (queries + key.alignment - 1) / key.alignment * key.alignment
      ranges.append(contentsOf: repeatElement(0, count: 2 * (aligned - queries)))
      row += queries
      padded += aligned
    }
    queryBlocks.sort { ($1.seen.count, $0.row) < ($0.seen.count, $1.row) }
    keyBlocks.sort { ($1.seeing.count, $0.key) < ($0.seeing.count, $1.key) }
    return ranges + queryBlocks.flatMap(\.numbers).map { Int32($0) } + keyBlocks.flatMap(\.numbers).map { Int32($0) }
  }

  /// The first index of a rising array whose number passes.
  private static func index(in numbers: [Int], where passes: (Int) -> Bool) -> Int {
    var lower = 0, upper = numbers.count
    while lower < upper {
      let middle = (lower + upper) / 2
      if passes(numbers[middle]) { upper = middle } else { lower = middle + 1 }
    }
    return lower
  }
}
