import CarinaRuntime

/// The memory that a run's tensors lie in, before it begins: the host's, or that of a card.
package struct MemoryRoom {
  /// What is taken there already and stands in a forecast.
  package let base: Int
  /// Bytes that may be taken besides; nil where nobody knows.
  package let available: Int?
  /// Whether pages of mapped shards lie in it.
  package let holdsShards: Bool

  /// - Parameters:
  ///   - limit: GiB of it that the run is to take at most; nil for all that is free.
  ///   - freeDeviceByteCount: what is free on a card; nil for the host's memory.
  package init(limit: Double?, freeDeviceByteCount: Int?) {
    let bytes = limit.map { Int($0 * 0x1p30) }
    if let free = freeDeviceByteCount {
      base = 0
      available = min(bytes ?? free, free)
    } else {
      let taken = ProcessMemory.residentByteCount
      base = taken
      available = bytes.map { $0 - taken } ?? ProcessMemory.availableByteCount
    }
    holdsShards = freeDeviceByteCount == nil
  }
}
