import CRuntime

/// Reading pieces of a mapped file that others may cut short meanwhile, and that counts as memory of the process to a
/// limit only. Safe to use from several threads.
package final class MappedRead: @unchecked Sendable {
  // Unchecked because of both: nothing is written behind the first, bytes of the second are changed in one step each.
  private let map: UnsafeRawPointer
  private let stays: UnsafeMutablePointer<UInt8>
  private let pieceCount: Int, pieceByteCount: Int

  /// - Parameters:
  ///   - map: where the file is mapped, as long as this lives.
  ///   - pieceCount: how many pieces there are.
  ///   - pieceByteCount: bytes of each.
  package init(_ map: UnsafeRawPointer, pieceCount: Int, pieceByteCount: Int) {
    (self.map, self.pieceCount, self.pieceByteCount) = (map, pieceCount, pieceByteCount)
    stays = .allocate(capacity: max(1, pieceCount))
    stays.initialize(repeating: 0, count: max(1, pieceCount))
  }

  deinit {
    let count = UnsafeBufferPointer(start: stays, count: pieceCount).reduce(0) { $0 + Int($1) }
    carina_leave_mapped(count * pieceByteCount)
    stays.deallocate()
  }

  /// Copies a piece that lies at an offset of the file.
  /// - Returns: the CRC-32 of its bytes; nil where the file no longer has them or its disk fails.
  package func copy(piece: Int, at offset: Int, to destination: UnsafeMutableRawPointer) -> UInt32? {
    var sum: UInt32 = 0
    return carina_copy_mapped(destination, map + offset, pieceByteCount, &sum, stays + piece) == 0 ? sum : nil
  }
}
