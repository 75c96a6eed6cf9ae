import CCUDA
import Foundation

/// Locked pages of the host through which numbers go to the card: the caller's memory is read before the call returns, and
/// nobody waits unless all of the pages are still on their way.
// Unchecked: the lock guards everything that changes.
final class StagingRing: @unchecked Sendable {
  private struct Slot {
    let pages: UnsafeMutableRawPointer
    let event: carina_cu_object?
    var isUnderWay = false
  }

  private let driver: carina_cuda_driver, stream: carina_cu_object?
  private let lock = NSLock()
  private var slots: [Slot] = []
  private var current = 0, used = 0
  private static let slotCount = 4, slotByteCount = 1 << 23

  /// Takes the pages; nil where there are none.
  init?(_ driver: carina_cuda_driver, stream: carina_cu_object?) {
    self.driver = driver
    self.stream = stream
    for _ in 0..<StagingRing.slotCount {
      var pages: UnsafeMutableRawPointer?, event: carina_cu_object?
      guard driver.cuMemHostAlloc(&pages, StagingRing.slotByteCount, 0) == 0, let pages,
        driver.cuEventCreate(&event, 2) == 0
      else { return nil }
      slots.append(Slot(pages: pages, event: event))
    }
  }

  /// Copies bytes to the card.
  /// - Returns: the driver's answer.
  func copy(_ source: UnsafeRawBufferPointer, to address: UInt64) -> Int32 {
    guard let start = source.baseAddress else { return 0 }
    return lock.withLock {
      var done = 0
      while done < source.count {
        let room = StagingRing.slotByteCount - used
        let count = min(source.count - done, room)
        if count == 0 || (count < source.count - done && used > 0) {
          let code = advance()
          if code != 0 { return code }
          continue
        }
        let pages = slots[current].pages + used
        pages.copyMemory(from: start + done, byteCount: count)
        let code = driver.cuMemcpyHtoDAsync_v2(address + UInt64(done), pages, count, stream)
        if code != 0 { return code }
        used += (count + 255) / 256 * 256
        done += count
      }
      return 0
    }
  }

  private func advance() -> Int32 {
    var code = driver.cuEventRecord(slots[current].event, stream)
    slots[current].isUnderWay = true
    current = (current + 1) % slots.count
    used = 0
    if slots[current].isUnderWay, code == 0 { code = driver.cuEventSynchronize(slots[current].event) }
    slots[current].isUnderWay = false
    return code
  }
}
