/// A 64-bit hash of a name, equal in every process: FNV-1a (Fowler, Noll, Vo).
struct NameHash: Hashable {
  private var state: UInt64

  init(_ name: String) {
    state = 0xcbf2_9ce4_8422_2325
    take(name)
  }

  /// The hash of the name followed by a text.
  func followed(by text: String) -> NameHash {
    var hash = self
    hash.take(text)
    return hash
  }

  /// Its bucket among `SpilledBuckets`; the multiplication mixes all bits into the upper ones.
  var bucket: Int { Int(((state ^ (state >> 32)) &* 0x9e37_79b9_7f4a_7c15) >> 56) }

  private mutating func take(_ text: String) {
    var text = text
    text.withUTF8 { for byte in $0 { state = (state ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 } }
  }
}
