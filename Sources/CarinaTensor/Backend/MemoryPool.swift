import CKernels
import Foundation

/// Keeps the pages of freed buffers for the next ones, so that a training step in steady state asks the system for
/// nothing.
///
/// Sizes are rounded up to eight classes an octave (at most 12.5% waste). Large buffers are mapped and advised to use
/// huge pages. Where none of the right class is free, one of up to half as much again serves; and before much more is
/// mapped than was ever in use, idle memory of other sizes goes back to the system: batches of varying length would
/// otherwise leave a set of buffers behind for each length.
// Unchecked: the lock guards everything that changes.
package final class MemoryPool: @unchecked Sendable {
  private var free: [Int: [UnsafeMutableRawPointer]] = [:]
  /// Sizes of the large buffers that are handed out and are of another class than was asked for.
  private var borrowed: [UnsafeMutableRawPointer: Int] = [:]
  private let lock = NSLock()
  private var inUse = 0
  private var reserved = 0
  private var peak = 0
  private static let mappingThreshold = 1 << 20
  /// Idle bytes that are kept in any case: a process that has just begun would otherwise map and unmap in every block.
  private let smallestRoom: Int

  /// An empty pool.
  package init(smallestRoom: Int = 1 << 29) { self.smallestRoom = smallestRoom }

  deinit {
    trim()
    for pointer in free.values.joined() { pointer.deallocate() }
  }

  /// Bytes handed out now, and the most at any moment.
  package var usage: (inUse: Int, peak: Int, reserved: Int) {
    lock.lock()
    defer { lock.unlock() }
    return (inUse, peak, reserved)
  }

  /// The size class that holds `byteCount`.
  package static func sizeClass(_ byteCount: Int) -> Int {
    let least = max(byteCount, 256)
    let octave = Int.bitWidth - 1 - least.leadingZeroBitCount
    let step = 1 << max(octave - 3, 6)
    return (least + step - 1) / step * step
  }

  package func allocate(_ byteCount: Int) -> UnsafeMutableRawPointer {
    let size = MemoryPool.sizeClass(byteCount)
    lock.lock()
    defer { lock.unlock() }
    let found = takeFree(size)
    inUse += found?.size ?? size
    peak = max(peak, inUse)
    if let found { return found.pointer }
    guard size >= MemoryPool.mappingThreshold else {
      reserved += size
      return UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 64)
    }
    // With some room to spare, so that a step in steady state still asks for nothing.
    if reserved + size > peak + max(peak / 32, smallestRoom) { unmapIdle(size) }
    reserved += size
    let pointer = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let pointer, pointer != MAP_FAILED else {
      return UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 64)
    }
    carina_advise_huge_pages(pointer, Int64(size))
    return pointer
  }

  /// A free buffer of this class or, of the large ones, of the next that is not too large.
  private func takeFree(_ size: Int) -> (pointer: UnsafeMutableRawPointer, size: Int)? {
    if let pointer = free[size]?.popLast() { return (pointer, size) }
    guard size >= MemoryPool.mappingThreshold else { return nil }
    var larger = MemoryPool.sizeClass(size + 1)
    while larger <= size + size / 2 {
      if let pointer = free[larger]?.popLast() {
        borrowed[pointer] = larger
        return (pointer, larger)
      }
      larger = MemoryPool.sizeClass(larger + 1)
    }
    return nil
  }

  /// Unmaps idle large buffers, the smallest first, until so many bytes are given back or none is left.
  private func unmapIdle(_ byteCount: Int) {
    var given = 0
    for size in free.keys.sorted() where size >= MemoryPool.mappingThreshold {
      while given < byteCount, let pointer = free[size]?.popLast() {
        munmap(pointer, size)
        given += size
      }
    }
    reserved -= given
  }

  package func release(_ pointer: UnsafeMutableRawPointer, _ byteCount: Int) {
    let asked = MemoryPool.sizeClass(byteCount)
    lock.lock()
    defer { lock.unlock() }
    let size = asked < MemoryPool.mappingThreshold ? asked : borrowed.removeValue(forKey: pointer) ?? asked
    inUse -= size
    free[size, default: []].append(pointer)
  }

  /// Returns the pages of idle large buffers to the system; small ones stay.
  package func trim() {
    lock.lock()
    defer { lock.unlock() }
    for (size, pointers) in free where size >= MemoryPool.mappingThreshold {
      for pointer in pointers { munmap(pointer, size) }
      reserved -= size * pointers.count
      free[size] = nil
    }
  }
}
