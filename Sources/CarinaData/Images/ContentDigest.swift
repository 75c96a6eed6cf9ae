import CarinaRuntime

/// The 32 bytes of a SHA-256 digest.
package struct ContentDigest: Hashable, Sendable {
  private let words: [UInt64]

  package static let byteCount = 32

  /// Reads 64 hexadecimal digits; nil for anything else.
  package init?(hexadecimal text: String) {
    let digits = Array(text.utf8)
    guard digits.count == 64 else { return nil }
    var words: [UInt64] = []
    for start in stride(from: 0, to: 64, by: 16) {
      guard let word = UInt64(String(decoding: digits[start..<start + 16], as: UTF8.self), radix: 16) else {
        return nil
      }
      words.append(word)
    }
    self.words = words
  }

  /// Reads 32 bytes.
  package init(_ bytes: some Sequence<UInt8>) {
    var words: [UInt64] = [], word: UInt64 = 0, count = 0
    for byte in bytes {
      word = word << 8 | UInt64(byte)
      count += 1
      if count % 8 == 0 { words.append(word) }
    }
    precondition(count == ContentDigest.byteCount)
    self.words = words
  }

  /// The digest of several runs of bytes, one after the other.
  package init(of parts: [UnsafeRawBufferPointer]) {
    var digest = SHA256Digest()
    for part in parts { digest.update(part) }
    self = ContentDigest(hexadecimal: digest.finish()) ?? ContentDigest(repeatElement(0, count: 32))
  }

  /// The digest of bytes.
  package init(of bytes: [UInt8]) { self = bytes.withUnsafeBytes { ContentDigest(of: [$0]) } }

  package var bytes: [UInt8] {
    words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * $0)) } }
  }

  /// Whether all bytes are zero, as where nothing was written.
  package var isZero: Bool { words.allSatisfy { $0 == 0 } }
}
