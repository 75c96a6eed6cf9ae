/// The merge rules of a byte pair encoding (Sennrich, Haddow and Birch 2016) and their application.
struct BytePairMerges: Sendable {
  private var ranks: PairTable
  private var products: [Int32] = []

  /// No rules, with room for some.
  init(capacity: Int = 0) {
    ranks = PairTable(capacity: capacity)
    products.reserveCapacity(capacity)
  }

  /// How many rules were added.
  var count: Int { products.count }

  /// Adds the next rule in order of precedence; of a repeated pair the last rank counts.
  mutating func append(left: Int, right: Int, product: Int) {
    ranks.set(BytePairMerges.key(Int32(left), Int32(right)), UInt32(products.count))
    products.append(Int32(product))
  }

  /// Applies the rules to a row of piece ids until none fits: always the rule of the lowest rank, leftmost first.
  ///
  /// A heap over a linked list: n log n for n characters, however long the text.
  /// - Parameter isForbidden: pieces that must not be made.
  func apply(to symbols: [Int32], isForbidden: ((Int32) -> Bool)? = nil) -> [Int32] {
    guard symbols.count > 1, !products.isEmpty else { return symbols }
    var symbols = symbols
    let count = symbols.count
    var next = [Int32](unsafeUninitializedCapacity: count) { buffer, filled in
      for index in 0..<count { buffer[index] = Int32(index + 1) }
      buffer[count - 1] = -1
      filled = count
    }
    var previous = [Int32](unsafeUninitializedCapacity: count) { buffer, filled in
      for index in 0..<count { buffer[index] = Int32(index - 1) }
      filled = count
    }
    func candidate(_ left: Int, _ right: Int) -> UInt64? {
      guard let rank = ranks[BytePairMerges.key(symbols[left], symbols[right])] else { return nil }
      if let isForbidden, isForbidden(products[Int(rank)]) { return nil }
      return UInt64(rank) << 32 | UInt64(left)
    }
    var agenda = BinaryHeap((1..<count).compactMap { candidate($0 - 1, $0) })
    while let top = agenda.pop() {
      let left = Int(top & 0xFFFF_FFFF)
      let product = products[Int(top >> 32)]
      guard symbols[left] >= 0, next[left] >= 0 else { continue }
      let right = Int(next[left])
      guard let rank = ranks[BytePairMerges.key(symbols[left], symbols[right])], products[Int(rank)] == product
      else { continue }
      symbols[left] = product
      symbols[right] = -1
      next[left] = next[right]
      if next[right] >= 0 { previous[Int(next[right])] = Int32(left) }
      if previous[left] >= 0, let entry = candidate(Int(previous[left]), left) { agenda.push(entry) }
      if next[left] >= 0, let entry = candidate(left, Int(next[left])) { agenda.push(entry) }
    }
    return symbols.filter { $0 >= 0 }
  }

  @inline(__always)
  private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }
}
