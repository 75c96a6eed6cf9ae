/// Scalars in UTF-8 bytes.
enum UTF8Characters {
  /// How many bytes the scalar with this first byte has, by the first byte alone (1 for a stray one).
  @inline(__always)
  static func length(first: UInt8) -> Int {
    first < 0xC0 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
  }

  /// What the bytes from `start` on begin with.
  enum Beginning: Equatable {
    /// A well-formed scalar of so many bytes.
    case scalar(length: Int)
    /// The first bytes of a scalar whose last ones are not there yet.
    case incomplete
    /// A byte that begins no scalar.
    case malformed
  }

  /// Tells what `bytes` begin with at `start` (Unicode 15, table 3-7: no overlong forms, no surrogates).
  static func beginning(of bytes: [UInt8], from start: Int) -> Beginning {
    let first = bytes[start]
    if first < 0x80 { return .scalar(length: 1) }
    guard first >= 0xC2, first <= 0xF4 else { return .malformed }
    let length = length(first: first)
    let second: ClosedRange<UInt8>
    switch first {
    case 0xE0: second = 0xA0...0xBF
    case 0xED: second = 0x80...0x9F
    case 0xF0: second = 0x90...0xBF
    case 0xF4: second = 0x80...0x8F
    default: second = 0x80...0xBF
    }
    for offset in 1..<length {
      guard start + offset < bytes.count else { return .incomplete }
      let byte = bytes[start + offset]
      guard offset == 1 ? second.contains(byte) : byte & 0xC0 == 0x80 else { return .malformed }
    }
    return .scalar(length: length)
  }

  /// U+FFFD in UTF-8.
  static let replacement: [UInt8] = [0xEF, 0xBF, 0xBD]

  /// `▁`, which stands for a space in vocabularies, in UTF-8.
  static let visibleSpace: [UInt8] = [0xE2, 0x96, 0x81]
}
