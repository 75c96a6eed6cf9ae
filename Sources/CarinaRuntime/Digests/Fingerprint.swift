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
  /// - Parameter onRead: told which of them have been read, up to 64 MiB at a time.
  package mutating func update(_ bytes: UnsafeRawBufferPointer, onRead: (Range<Int>) -> Void = { _ in }) {
    value = carina_fingerprint_join(value, UInt64(bytes.count))
    let size = Self.pieceByteCount
    for first in stride(from: 0, to: bytes.count, by: 64 * size) {
      let end = min(bytes.count, first + 64 * size)
      var hashes = [UInt64](repeating: 0, count: (end - first + size - 1) / size)
      hashes.withUnsafeMutableBufferPointer { hashes in
        // Unsafe: each task writes an element of its own.
        nonisolated(unsafe) let target = hashes
        ThreadTeam.run(taskCount: hashes.count) { piece in
          let start = first + piece * size
          target[piece] = carina_fingerprint(bytes.baseAddress.map { $0 + start }, min(size, end - start))
        }
      }
      for hash in hashes { value = carina_fingerprint_join(value, hash) }
      onRead(first..<end)
    }
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
