import Testing

import Carina

@Suite struct MemoryPoolTests {
  private let megabyte = 1 << 20

  private func bound(_ pool: MemoryPool, largest: Int) -> Int {
    let peak = pool.usage.peak
    return peak + MemoryPool.room(peak: peak, largest: largest, smallest: 0)
  }

  @Test("a smaller buffer is served with a larger idle one, and idle memory goes back to the system")
  func lending() {
    let pool = MemoryPool(smallestRoom: 0)
    let first = pool.allocate(12 * megabyte)
    pool.release(first, 12 * megabyte)
    let second = pool.allocate(10 * megabyte)
    #expect(second == first && pool.usage.inUse == 12 * megabyte)
    pool.release(second, 10 * megabyte)
    #expect(pool.usage.inUse == 0 && pool.usage.reserved == 12 * megabyte)
    // What is idle is too large for it.
    let third = pool.allocate(2 * megabyte)
    #expect(pool.usage.reserved == 14 * megabyte && pool.usage.inUse == 2 * megabyte)
    pool.release(third, 2 * megabyte)
    pool.trim()
    #expect(pool.usage.reserved == 0)
  }

  @Test("buffers of ever other sizes are held up to the room, and what has been idle longest goes first")
  func idle() {
    let pool = MemoryPool(smallestRoom: 0)
    let sizes = (0..<64).map { 1 << 17 + $0 << 14 }
    #expect(sizes.reduce(0, +) > 2 * (sizes[63] + MemoryPool.room(peak: sizes[63], largest: sizes[63], smallest: 0)))
    var last: UnsafeMutableRawPointer?
    for size in sizes {
      let buffer = pool.allocate(size)
      #expect(pool.usage.reserved <= bound(pool, largest: MemoryPool.sizeClass(size)), "\(size)")
      pool.release(buffer, size)
      last = buffer
    }
    let held = pool.usage.reserved
    #expect(held > MemoryPool.room(peak: 0, largest: sizes[63], smallest: 0) / 2)
    // The last is there; of the first none that could serve.
    let again = pool.allocate(sizes[63])
    #expect(again == last && pool.usage.reserved == held)
    let smallest = pool.allocate(sizes[0])
    #expect(pool.usage.inUse == MemoryPool.sizeClass(sizes[63]) + MemoryPool.sizeClass(sizes[0]))
    pool.release(again, sizes[63])
    pool.release(smallest, sizes[0])
  }

  @Test("until what is expected is held, nothing goes back and nothing larger is lent")
  func expecting() {
    let pool = MemoryPool(smallestRoom: 0)
    pool.expect(40 * megabyte)
    let large = pool.allocate(12 * megabyte)
    pool.release(large, 12 * megabyte)
    let first = pool.allocate(10 * megabyte), second = pool.allocate(16 * megabyte)
    #expect(first != large && pool.usage.reserved == 38 * megabyte && pool.usage.inUse == 26 * megabyte)
    // There is no room for another within it.
    let third = pool.allocate(10 * megabyte)
    #expect(third == large && pool.usage.reserved == 38 * megabyte && pool.usage.peak == 38 * megabyte)
    for (buffer, size) in [(first, 10), (second, 16), (third, 10)] { pool.release(buffer, size * megabyte) }
    #expect(pool.usage.reserved == 38 * megabyte)
  }

  @Test("a step that comes again asks the system for nothing: what its largest buffer allows holds all its sizes")
  func steadyState() {
    let pool = MemoryPool(smallestRoom: 0)
    // A block one after the other: two wide buffers, then eight narrow ones, each of a class of its own.
    let steps = [4 * megabyte, 4 * megabyte + megabyte / 2] + (0..<8).map { megabyte + $0 * (megabyte / 8) }
    func pass() -> Int {
      for size in steps { pool.release(pool.allocate(size), size) }
      return pool.usage.reserved
    }
    var seen: Set<Int> = []
    for _ in 0..<4 { seen.insert(pass()) }
    #expect(seen.count == 1)
  }

  @Test("the room grows with the buffers that come and go, to half a GiB, and with the peak beyond")
  func room() {
    #expect(MemoryPool.room(peak: 0, largest: 0) == MemoryPool.usualRoom)
    #expect(MemoryPool.room(peak: 0, largest: 16 * megabyte) > 4 * MemoryPool.usualRoom)
    #expect(MemoryPool.room(peak: 0, largest: 1 << 40) == 1 << 29)
    #expect(MemoryPool.room(peak: 1 << 36, largest: 1 << 40) == 1 << 31)
  }
}
