/// A hash table from 64-bit keys to 32-bit values: pairs of piece ids to merges, trie edges to nodes.
///
/// Open addressing; the key `UInt64.max` is reserved for empty slots.
struct PairTable: Sendable {
  private static let empty = UInt64.max
  private var keys: [UInt64]
  private var values: [UInt32]
  private(set) var count = 0

  /// An empty table with room for some keys; it grows.
  init(capacity: Int = 0) {
    var size = 64
    while size < capacity * 2 { size *= 2 }
    keys = [UInt64](repeating: PairTable.empty, count: size)
    values = [UInt32](repeating: 0, count: size)
  }

  /// The value of a key.
  @inline(__always)
  subscript(_ key: UInt64) -> UInt32? {
    let mask = keys.count - 1
    var slot = PairTable.slot(key, mask)
    while true {
      let found = keys[slot]
      if found == key { return values[slot] }
      if found == PairTable.empty { return nil }
      slot = (slot + 1) & mask
    }
  }

  /// Sets the value of a key; the last one counts.
  mutating func set(_ key: UInt64, _ value: UInt32) {
    let mask = keys.count - 1
    var slot = PairTable.slot(key, mask)
    while keys[slot] != PairTable.empty, keys[slot] != key { slot = (slot + 1) & mask }
    if keys[slot] == PairTable.empty {
      keys[slot] = key
      count += 1
    }
    values[slot] = value
    if count * 2 > keys.count { grow() }
  }

  private mutating func grow() {
    var larger = PairTable(capacity: keys.count)
    for (slot, key) in keys.enumerated() where key != PairTable.empty { larger.set(key, values[slot]) }
    self = larger
  }

  @inline(__always)
  private static func slot(_ key: UInt64, _ mask: Int) -> Int {
    var mixed = key &* 0x9e37_79b9_7f4a_7c15
    mixed ^= mixed >> 32
    return Int(truncatingIfNeeded: mixed) & mask
  }
}
