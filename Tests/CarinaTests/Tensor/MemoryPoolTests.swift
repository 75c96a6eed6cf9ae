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

  @Test("huge pages of what has been idle longest become those of a new buffer, and buffers in use keep theirs")
  func pagesThatMove() {
    let pool = MemoryPool(smallestRoom: 0)
    // Of each page one byte.
    func bytes(_ buffer: UnsafeMutableRawPointer, _ size: Int) -> [UInt8] {
      stride(from: 0, to: size, by: 4096).map { buffer.load(fromByteOffset: $0, as: UInt8.self) }
    }
    func mark(_ buffer: UnsafeMutableRawPointer, _ size: Int, _ byte: UInt8) {
      for offset in stride(from: 0, to: size, by: 4096) {
        buffer.storeBytes(of: byte, toByteOffset: offset, as: UInt8.self)
      }
    }
    let held = pool.allocate(20 * megabyte)
    mark(held, 20 * megabyte, 255)
    var moved: [UInt8] = [], largest = 0
    // Ever other classes, so that none is there already.
    let sizes = (0..<32).map { (8 + $0 % 8) * megabyte << ($0 / 8) }
    for (index, size) in sizes.enumerated() {
      let buffer = pool.allocate(size)
      #expect(pool.usage.reserved <= bound(pool, largest: largest), "\(size)")
      let found = bytes(buffer, size)
      #expect(found.allSatisfy { $0 <= index }, "pages of a buffer in use")
      // Those that moved come first, and the others are new.
      let pages = found.prefix { $0 > 0 }
      #expect(found.dropFirst(pages.count).allSatisfy { $0 == 0 })
      moved += pages
      largest = size
      mark(buffer, size, UInt8(index + 1))
      pool.release(buffer, size)
    }
    // All whole huge pages of the first 24 buffers, in the order in which they came back, and 60 of the two after them:
    // as many as the bound asks for.
    #expect(moved == moved.sorted() && moved.count == 380 * 512)
    for (index, size) in sizes.prefix(24).enumerated() {
      #expect(moved.count { $0 == index + 1 } == size / (2 * megabyte) * 512, "\(size)")
    }
    #expect(bytes(held, 20 * megabyte).allSatisfy { $0 == 255 })
    pool.release(held, 20 * megabyte)
    pool.trim()
    #expect(pool.usage.reserved == 0 && pool.usage.inUse == 0)
  }

  @Test("a large idle buffer serves one small request after another, and only what nobody asks for goes back")
  func remainders() {
    let pool = MemoryPool(smallestRoom: 0)
    let large = pool.allocate(512 * megabyte), base = pool.allocate(256 * megabyte)
    pool.release(large, 512 * megabyte)
    // Too small to be lent the large one, and too large for what comes; together they fill the room.
    let others = (0..<6).map { _ in pool.allocate(128 * megabyte) }
    for other in others { pool.release(other, 128 * megabyte) }
    let most = bound(pool, largest: 512 * megabyte)
    #expect(pool.usage.reserved <= most && pool.usage.reserved > most - 128 * megabyte)
    var parts: [UnsafeMutableRawPointer] = [], sizes: [Int] = []
    for _ in 0..<20 {
      parts.append(pool.allocate(16 * megabyte))
      sizes.append(pool.usage.reserved)
    }
    #expect(sizes.allSatisfy { $0 > most - 128 * megabyte && $0 <= most } && Set(sizes.suffix(8)).count == 1)
    for part in parts { pool.release(part, 16 * megabyte) }
    pool.release(base, 256 * megabyte)
    pool.trim()
    #expect(pool.usage.reserved == 0)
  }

  @Test("the room grows with the buffers that come and go, to half a GiB, and with the peak beyond")
  func room() {
    #expect(MemoryPool.room(peak: 0, largest: 0) == MemoryPool.usualRoom)
    #expect(MemoryPool.room(peak: 0, largest: 16 * megabyte) > 4 * MemoryPool.usualRoom)
    #expect(MemoryPool.room(peak: 0, largest: 1 << 40) == 1 << 29)
    #expect(MemoryPool.room(peak: 1 << 36, largest: 1 << 40) == 1 << 31)
  }
}
