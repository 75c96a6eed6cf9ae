import CKernels
import CarinaRuntime

/// Reading the host's memory and nothing else, by the whole team of threads: the ceiling of every operation that is
/// bound by bytes.
package enum MemoryReading {
  /// Reads a tensor's bytes, up to the last 63, once.
  /// - Returns: the sum of their 8-byte words, so that the reading cannot be left out.
  @discardableResult package static func sum(of tensor: Tensor) -> UInt64 {
    let lines = tensor.count * tensor.elementType.byteCount / 64
    let parts = max(1, ThreadTeam.count)
    var sums = [UInt64](repeating: 0, count: parts)
    sums.withUnsafeMutableBufferPointer { sums in
      // Unsafe: each task writes an element of its own.
      nonisolated(unsafe) let target = sums
      ThreadTeam.run(taskCount: parts) { part in
        let first = lines * part / parts, last = lines * (part + 1) / parts
        target[part] = carina_read_bytes(tensor.pointer + first * 64, Int64((last - first) * 64))
      }
    }
    return sums.reduce(0, &+)
  }
}
