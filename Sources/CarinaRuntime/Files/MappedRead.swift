import CRuntime

/// Reading from a mapped file that others may cut short meanwhile.
package enum MappedRead {
  /// Copies bytes of a mapped file, and gives their pages back to the system.
  /// - Returns: the CRC-32 of the bytes; nil where the file no longer has them or its disk fails.
  package static func copy(
    _ from: UnsafeRawPointer, count: Int, to destination: UnsafeMutableRawPointer
  ) -> UInt32? {
    var sum: UInt32 = 0
    return carina_copy_mapped(destination, from, count, &sum) == 0 ? sum : nil
  }
}
