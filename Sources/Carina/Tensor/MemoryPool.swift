import Foundation

/// Keeps the pages of freed buffers for the next ones, so that a training step in steady state asks the system for nothing.
///
/// Sizes are rounded up to eight classes an octave (at most 12.5% waste). Large buffers are mapped and advised to use huge pages.
public final class MemoryPool: @unchecked Sendable {
  /// The pool that all storages use.
  public static let shared = MemoryPool()

  private var free: [Int: [UnsafeMutableRawPointer]] = [:]
  private let lock = NSLock()
  private var inUse = 0
  private var reserved = 0
  private var peak = 0
  private static let mappingThreshold = 1 << 20

  /// Bytes handed out now, and the most at any moment.
  public var usage: (inUse: Int, peak: Int, reserved: Int) {
    lock.lock()
    defer { lock.unlock() }
    return (inUse, peak, reserved)
  }

  /// The size class that holds `byteCount`.
  static func sizeClass(_ byteCount: Int) -> Int {
    let least = max(byteCount, 256)
    let octave = Int.bitWidth - 1 - least.leadingZeroBitCount
    let step = 1 << max(octave - 3, 6)
    return (least + step - 1) / step * step
  }

  func allocate(_ byteCount: Int) -> UnsafeMutableRawPointer {
    let size = MemoryPool.sizeClass(byteCount)
    lock.lock()
    defer { lock.unlock() }
    inUse += size
    peak = max(peak, inUse)
    if let pointer = free[size]?.popLast() { return pointer }
    reserved += size
    guard size >= MemoryPool.mappingThreshold else {
      return UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 64)
    }
    let pointer = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let pointer, pointer != MAP_FAILED else {
      return UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 64)
    }
    madvise(pointer, size, 14)  // MADV_HUGEPAGE; refused harmlessly where the kernel has none
    return pointer
  }

  func release(_ pointer: UnsafeMutableRawPointer, _ byteCount: Int) {
    let size = MemoryPool.sizeClass(byteCount)
    lock.lock()
    defer { lock.unlock() }
    inUse -= size
    free[size, default: []].append(pointer)
  }

  /// Returns the pages of idle large buffers to the system; small ones stay.
  public func trim() {
    lock.lock()
    defer { lock.unlock() }
    for (size, pointers) in free where size >= MemoryPool.mappingThreshold {
      for pointer in pointers { munmap(pointer, size) }
      reserved -= size * pointers.count
      free[size] = nil
    }
  }
}
