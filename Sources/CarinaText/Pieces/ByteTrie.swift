/// A trie over UTF-8 bytes: finds the texts of a set that begin at an offset.
struct ByteTrie: Sendable {
  private var edges = PairTable()
  private var firstNodes = [UInt32](repeating: 0, count: 256)
  private var values: [Int32] = [-1]

  init() {}

  /// Whether no text was put in.
  var isEmpty: Bool { values.count == 1 }

  /// Adds a text, which must not be empty; of a repeated one the last value counts.
  mutating func insert<Bytes: Sequence>(_ text: Bytes, value: Int) where Bytes.Element == UInt8 {
    var node: UInt32 = 0
    for byte in text {
      if let next = child(of: node, byte) {
        node = next
      } else {
        let next = UInt32(values.count)
        values.append(-1)
        if node == 0 { firstNodes[Int(byte)] = next } else { edges.set(UInt64(node) << 8 | UInt64(byte), next) }
        node = next
      }
    }
    values[Int(node)] = Int32(value)
  }

  /// The longest text of the set that begins at `start`: its length in bytes and its value.
  @inline(__always)
  func longestMatch(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> (length: Int, value: Int)? {
    var longest: (length: Int, value: Int)?
    forEachMatch(bytes, from: start) { longest = (length: $0, value: $1) }
    return longest
  }

  /// Hands every text of the set that begins at `start` to `body`, shortest first.
  @inline(__always)
  func forEachMatch(
    _ bytes: UnsafeBufferPointer<UInt8>, from start: Int, _ body: (_ length: Int, _ value: Int) -> Void
  ) {
    var node: UInt32 = 0
    for offset in start..<bytes.count {
      guard let next = child(of: node, bytes[offset]) else { return }
      node = next
      let value = values[Int(node)]
      if value >= 0 { body(offset + 1 - start, Int(value)) }
    }
  }

  @inline(__always)
  private func child(of node: UInt32, _ byte: UInt8) -> UInt32? {
    if node == 0 {
      let next = firstNodes[Int(byte)]
      return next == 0 ? nil : next
    }
    return edges[UInt64(node) << 8 | UInt64(byte)]
  }
}
