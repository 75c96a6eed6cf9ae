/// How often each run of a given length occurs in a token list.
struct NgramCounts {
  /// A run of one to four tokens.
  private struct Run: Hashable {
    private let tokens: SIMD4<Int32>

    init(_ list: [Int32], at start: Int, length: Int) {
      var tokens = SIMD4<Int32>(repeating: -1)
      for k in 0..<length { tokens[k] = list[start + k] }
      self.tokens = tokens
    }
  }

  private var counts: [Run: Int] = [:]

  init(_ tokens: [Int32], length: Int) {
    guard tokens.count >= length else { return }
    for start in 0...(tokens.count - length) { counts[Run(tokens, at: start, length: length), default: 0] += 1 }
  }

  /// Keeps the larger count of each run: what several references allow together.
  mutating func formUnion(_ other: NgramCounts) { counts.merge(other.counts, uniquingKeysWith: max) }

  /// The total of the smaller counts: occurrences here that the other side covers.
  func overlap(_ other: NgramCounts) -> Int {
    counts.reduce(0) { $0 + min($1.value, other.counts[$1.key] ?? 0) }
  }
}
