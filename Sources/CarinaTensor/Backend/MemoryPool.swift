import CKernels
import Foundation

/// Keeps the pages of freed buffers for the next ones, so that a training step in steady state asks the system for
/// nothing.
///
/// Sizes are rounded up to eight classes an octave (at most 12.5% waste). Where none of the right class is free, one of
/// up to half as much again serves. Before more is held than was ever in use and `room` besides, what has been idle
/// longest is taken apart: batches of varying length would otherwise leave a set of buffers behind for each length. Its
/// huge pages become the new buffer's, and the rest goes back to the system. A step of training needs this: what its
/// backward pass reads and the gradients that follow take turns with the same memory in buffers of other sizes, and the
/// system would clear every page that it gives anew. Large buffers are mapped one by one for this.
// Unchecked: the lock guards everything that changes.
package final class MemoryPool: @unchecked Sendable {
  private struct Idle {
    let pointer: UnsafeMutableRawPointer
    /// Which return to the pool it was.
    let moment: Int
  }

  /// Idle buffers of each class, those idle longest first.
  private var free: [Int: [Idle]] = [:]
  /// What is left of the idle buffer that was taken apart last: whole huge pages.
  private var remainder: UnsafeMutableRawBufferPointer?
  /// Sizes of the large buffers that are handed out and are of another class than was asked for.
  private var borrowed: [UnsafeMutableRawPointer: Int] = [:]
  private let lock = NSLock()
  private var inUse = 0
  private var reserved = 0
  private var peak = 0
  /// What will be in use at the highest, where somebody said so.
  private var expected = 0
  private var moment = 0
  /// The largest buffer that was ever returned.
  private var largest = 0
  /// From here on buffers are mapped, lent to smaller requests and given back.
  private static let mappingThreshold = 1 << 17
  private static let hugePageThreshold = 1 << 20
  private static let hugePage = 1 << 21
  /// From here on buffers begin with a huge page. Smaller ones lie side by side, so that huge pages can stand behind
  /// several.
  private static let alignmentThreshold = 1 << 22
  /// When more than this is held, buffers are not aligned any more and no page moves: each huge page may be a mapping of
  /// its own, of which a process has 65,530 by default.
  private static let mostMovable = 1 << 36
  private let smallestRoom: Int

  /// An empty pool.
  /// - Parameter smallestRoom: idle bytes that are kept in any case.
  package init(smallestRoom: Int = MemoryPool.usualRoom) { self.smallestRoom = smallestRoom }

  /// Enough for the buffers of small models' steps.
  package static let usualRoom = 1 << 24

  /// Idle bytes that a pool keeps besides the most that was ever in use. They grow with the buffers that come and go,
  /// as those of different sizes do not serve for one another: a process that has just begun would otherwise map and
  /// unmap in every block.
  /// - Parameters:
  ///   - peak: the most bytes that were ever in use.
  ///   - largest: the largest buffer that was returned.
  package static func room(peak: Int, largest: Int, smallest: Int = usualRoom) -> Int {
    max(smallest, peak / 32, min(largest, 1 << 29 / roomFactor) * roomFactor)
  }

  private static let roomFactor = 8

  deinit {
    trim()
    for idle in free.values.joined() { idle.pointer.deallocate() }
  }

  /// Says how many bytes will be in use at the highest. A first step would otherwise give back what its next part, or
  /// the next step, asks for again, and let what stays, such as gradients and moments, take larger buffers that are idle
  /// for a moment.
  package func expect(_ byteCount: Int) {
    lock.lock()
    defer { lock.unlock() }
    expected = byteCount
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
    // With some room to spare, so that a step in steady state still asks for nothing.
    let highest = max(peak, expected)
    let most = highest + MemoryPool.room(peak: highest, largest: largest, smallest: smallestRoom)
    let excess = reserved + size - most
    guard size >= MemoryPool.mappingThreshold else {
      takeApartIdle(excess, for: nil)
      reserved += size
      return UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 64)
    }
    let pointer = map(size)
    if size >= MemoryPool.hugePageThreshold { carina_advise_huge_pages(pointer, Int64(size)) }
    takeApartIdle(excess, for: UnsafeMutableRawBufferPointer(start: pointer, count: size))
    reserved += size
    return pointer
  }

  private func map(_ size: Int) -> UnsafeMutableRawPointer {
    let page = 1 << 12
    let isAligned = size >= MemoryPool.alignmentThreshold && reserved <= MemoryPool.mostMovable
    if let pages = carina_map_pages(Int64(size), Int64(isAligned ? MemoryPool.hugePage : page)) { return pages }
    takeApartIdle(.max, for: nil)
    guard let pages = carina_map_pages(Int64(size), Int64(page)) else {
      preconditionFailure("the system has no \(size) bytes of memory left")
    }
    return pages
  }

  /// A free buffer of this class or, of the large ones, of the next that is not too large.
  private func takeFree(_ size: Int) -> (pointer: UnsafeMutableRawPointer, size: Int)? {
    if let idle = free[size]?.popLast() { return (idle.pointer, size) }
    guard size >= MemoryPool.mappingThreshold, reserved + size > expected else { return nil }
    var larger = MemoryPool.sizeClass(size + 1)
    while larger <= size + size / 2 {
      if let idle = free[larger]?.popLast() {
        borrowed[idle.pointer] = larger
        return (idle.pointer, larger)
      }
      larger = MemoryPool.sizeClass(larger + 1)
    }
    return nil
  }

  /// Takes at least so many bytes from large buffers, those idle longest first, or as many as there are.
  /// - Parameter target: a new buffer, whose first pages are replaced by those taken as far as both are whole huge
  ///   pages; what else is taken goes back to the system.
  private func takeApartIdle(_ byteCount: Int, for target: UnsafeMutableRawBufferPointer?) {
    let unit = MemoryPool.hugePage
    var left = byteCount, filled = 0
    var room = reserved > MemoryPool.mostMovable ? 0 : target.map(MemoryPool.wholeHugePages) ?? 0
    while left > 0, let source = takeRemainder() ?? takeOldest(), let start = source.baseAddress {
      let whole = MemoryPool.wholeHugePages(source), wanted = min(room - filled, whole)
      var moved = 0
      if let to = target?.baseAddress, wanted > 0 {
        moved = Int(carina_move_pages(start, to + filled, Int64(wanted), Int64(unit)))
        filled += moved
        // A system that refuses once will do so again.
        if moved < wanted { room = 0 }
      }
      let kept = max(0, whole - max(moved, left)) / unit * unit, taken = source.count - kept
      if taken > moved { carina_unmap_pages(start + moved + kept, Int64(taken - moved)) }
      if kept > 0 { remainder = UnsafeMutableRawBufferPointer(start: start + moved, count: kept) }
      left -= taken
      reserved -= taken
    }
  }

  private func takeRemainder() -> UnsafeMutableRawBufferPointer? {
    defer { remainder = nil }
    return remainder
  }

  /// The bytes of whole huge pages with which a buffer begins. A smaller one may begin with one by chance.
  private static func wholeHugePages(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
    Int(bitPattern: buffer.baseAddress) % hugePage == 0 ? buffer.count / hugePage * hugePage : 0
  }

  /// The large buffer that has been idle longest, no longer among the free ones.
  private func takeOldest() -> UnsafeMutableRawBufferPointer? {
    let oldest = free.filter { $0.key >= MemoryPool.mappingThreshold && !$0.value.isEmpty }
      .min { $0.value[0].moment < $1.value[0].moment }
    guard let size = oldest?.key, let idle = free[size]?.removeFirst() else { return nil }
    return UnsafeMutableRawBufferPointer(start: idle.pointer, count: size)
  }

  package func release(_ pointer: UnsafeMutableRawPointer, _ byteCount: Int) {
    let asked = MemoryPool.sizeClass(byteCount)
    lock.lock()
    defer { lock.unlock() }
    let size = asked < MemoryPool.mappingThreshold ? asked : borrowed.removeValue(forKey: pointer) ?? asked
    inUse -= size
    moment += 1
    largest = max(largest, size)
    free[size, default: []].append(Idle(pointer: pointer, moment: moment))
  }

  /// Returns the pages of idle large buffers to the system; small ones stay.
  package func trim() {
    lock.lock()
    defer { lock.unlock() }
    takeApartIdle(.max, for: nil)
  }
}
