import CRuntime

/// A quick 64-bit hash of many bytes: tells whether weights changed, at the speed of memory. Use `SHA256Digest` for
/// names of files.
///
/// Bytes are hashed in pieces of 1 MiB by the whole team of threads, and the pieces joined in order, so the result does
/// not depend on the number of threads.
package struct Fingerprint: Equatable, Hashable, Sendable, CustomStringConvertible {
  private static let pieceByteCount = 1 << 20

  private var value: UInt64

  /// The fingerprint of nothing.
  package init() { value = 0 }

  /// The fingerprint of bytes.
  package init(_ bytes: UnsafeRawBufferPointer) {
    self.init()
    update(bytes)
  }

  /// Takes in bytes; how they are divided over calls matters.
  package mutating func update(_ bytes: UnsafeRawBufferPointer) {
    let pieceCount = (bytes.count + Self.pieceByteCount - 1) / Self.pieceByteCount
    var hashes = [UInt64](repeating: 0, count: pieceCount)
    hashes.withUnsafeMutableBufferPointer { hashes in
      ThreadTeam.run(taskCount: pieceCount) { piece in
        let start = piece * Self.pieceByteCount
        let count = min(Self.pieceByteCount, bytes.count - start)
        hashes[piece] = carina_fingerprint(bytes.baseAddress.map { $0 + start }, count)
      }
    }
    value = carina_fingerprint_join(value, UInt64(bytes.count))
    for hash in hashes { value = carina_fingerprint_join(value, hash) }
  }

  /// Takes in a text.
  package mutating func update(_ text: String) {
    var text = text
    text.withUTF8 { update(UnsafeRawBufferPointer($0)) }
  }

  /// 16 hexadecimal digits.
  package var description: String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
