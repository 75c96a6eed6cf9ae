import CCUDA
import CarinaTensor
import Foundation

/// Keeps blocks of the card's memory for the next tensors. One stream computes in order, so a block that is released can be
/// handed out at once.
///
/// Sizes are rounded up to eight classes an octave, large ones more finely. Where none of the right class is free, one of up to
/// a quarter more serves. When the card has no memory left, idle blocks go back to it.
// Unchecked: the lock guards everything that changes.
final class DevicePool: @unchecked Sendable {
  private let driver: carina_cuda_driver
  private let lock = NSLock()
  private var free: [Int: [UInt64]] = [:]
  /// Sizes of blocks that are of another class than was asked for.
  private var borrowed: [UInt64: Int] = [:]
  private var inUse = 0, peak = 0, reserved = 0
  private static let lendingThreshold = 1 << 20

  init(_ driver: carina_cuda_driver) { self.driver = driver }

  /// The size that holds so many bytes: of large ones at most 3% more.
  static func sizeClass(_ byteCount: Int) -> Int {
    guard byteCount >= 1 << 25 else { return MemoryPool.sizeClass(max(byteCount, 512)) }
    let step = 1 << (Int.bitWidth - 1 - byteCount.leadingZeroBitCount - 5)
    return (byteCount + step - 1) / step * step
  }

  var usage: (inUse: Int, peak: Int, reserved: Int) { lock.withLock { (inUse, peak, reserved) } }

  /// A block; nil where the card has none.
  func allocate(_ byteCount: Int) -> UInt64? {
    lock.withLock {
      let size = DevicePool.sizeClass(byteCount)
      guard let (address, found) = takeFree(size) ?? fresh(size) ?? (trimmed() ? fresh(size) : nil) else { return nil }
      inUse += found
      peak = max(peak, inUse)
      return address
    }
  }

  private func takeFree(_ size: Int) -> (UInt64, Int)? {
    if let address = free[size]?.popLast() { return (address, size) }
    guard size >= DevicePool.lendingThreshold else { return nil }
    let candidates = free.filter { $0.key > size && $0.key <= size + size / 4 && !$0.value.isEmpty }
    guard let larger = candidates.keys.min(), let address = free[larger]?.popLast() else { return nil }
    borrowed[address] = larger
    return (address, larger)
  }

  private func fresh(_ size: Int) -> (UInt64, Int)? {
    var address: UInt64 = 0
    guard driver.cuMemAlloc_v2(&address, size) == 0 else { return nil }
    reserved += size
    return (address, size)
  }

  func release(_ address: UInt64, _ byteCount: Int) {
    lock.withLock {
      let size = borrowed.removeValue(forKey: address) ?? DevicePool.sizeClass(byteCount)
      inUse -= size
      free[size, default: []].append(address)
    }
  }

  /// Gives idle blocks back to the card.
  func trim() { _ = lock.withLock { trimmed() } }

  private func trimmed() -> Bool {
    var given = false
    for (size, addresses) in free where !addresses.isEmpty {
      // The driver waits for what still computes with a block.
      for address in addresses { _ = driver.cuMemFree_v2(address) }
      reserved -= size * addresses.count
      given = true
    }
    free = [:]
    return given
  }
}
