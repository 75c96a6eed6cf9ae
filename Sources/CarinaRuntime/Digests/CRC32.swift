import CRuntime

/// CRC-32 as zlib, gzip and PNG have it (`zlib.crc32` of Python): tells accidental damage at the speed of memory.
package enum CRC32 {
  /// The most of the processor's instructions that may be used; the sum is the same.
  package enum Instructions: Int32, CaseIterable {
    case none, products, wideProducts
  }

  /// The sum of bytes.
  /// - Parameter before: the sum of what comes before them.
  package static func of(
    _ bytes: UnsafeRawBufferPointer, after before: UInt32 = 0, instructions: Instructions = .wideProducts
  ) -> UInt32 {
    guard let start = bytes.baseAddress else { return before }
    return carina_crc32(before, start, bytes.count, instructions.rawValue)
  }
}
