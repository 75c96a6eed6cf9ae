/// How often each pair of neighbours occurs, kept up to date while pairs are merged.
struct PairCounts {
  /// One distinct word while a vocabulary is learned: its pieces, and how often it occurs.
  struct Row {
    var symbols: [Int]
    let count: Int
  }

  /// Two neighbouring pieces.
  struct Pair: Hashable {
    let left: Int
    let right: Int
  }

  /// A pair with the count it had when it was queued; the frequent come first, then the lower ids.
  private struct Candidate: Comparable {
    let count: Int
    let pair: Pair

    static func < (left: Candidate, right: Candidate) -> Bool {
      (right.count, left.pair.left, left.pair.right) < (left.count, right.pair.left, right.pair.right)
    }
  }

  private var rows: [Row]
  private var counts: [Pair: Int] = [:]
  private var rowsOfPair: [Pair: Set<Int>] = [:]
  private var queue = BinaryHeap<Candidate>()

  /// Counts the pairs of all rows.
  init(_ rows: [Row]) {
    self.rows = rows
    for (index, row) in rows.enumerated() {
      for pair in PairCounts.pairs(row.symbols) {
        counts[pair, default: 0] += row.count
        rowsOfPair[pair, default: []].insert(index)
      }
    }
    queue = BinaryHeap(counts.map { Candidate(count: $0.value, pair: $0.key) })
  }

  /// The most frequent pair; of equally frequent ones that with the lower ids.
  mutating func popMostFrequent() -> (pair: Pair, count: Int)? {
    while let top = queue.pop() {
      let count = counts[top.pair] ?? 0
      if count == top.count { return (top.pair, count) }
      if count > 0 { queue.push(Candidate(count: count, pair: top.pair)) }
    }
    return nil
  }

  /// RerowsOfPair a pair by one piece wherever it stands, left to right.
  mutating func merge(_ pair: Pair, into product: Int) {
    var grown = Set<Pair>()
    for index in rowsOfPair[pair] ?? [] {
      let old = rows[index]
      let merged = PairCounts.merged(old.symbols, pair, product)
      guard merged.count < old.symbols.count else { continue }
      for gone in PairCounts.pairs(old.symbols) { counts[gone, default: 0] -= old.count }
      for here in PairCounts.pairs(merged) {
        counts[here, default: 0] += old.count
        rowsOfPair[here, default: []].insert(index)
        if here.left == product || here.right == product { grown.insert(here) }
      }
      rows[index].symbols = merged
    }
    counts[pair] = nil
    rowsOfPair[pair] = nil
    for pair in grown { queue.push(Candidate(count: counts[pair] ?? 0, pair: pair)) }
  }

  private static func pairs(_ symbols: [Int]) -> [Pair] {
    zip(symbols, symbols.dropFirst()).map { Pair(left: $0, right: $1) }
  }

  private static func merged(_ symbols: [Int], _ pair: Pair, _ product: Int) -> [Int] {
    var result = [Int]()
    var index = 0
    while index < symbols.count {
      if index + 1 < symbols.count, symbols[index] == pair.left, symbols[index + 1] == pair.right {
        result.append(product)
        index += 2
      } else {
        result.append(symbols[index])
        index += 1
      }
    }
    return result
  }
}
