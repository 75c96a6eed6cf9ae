import CarinaTensor

/// Bytes of buffers, as asked for and in the pool's size classes.
package struct BufferBytes: Equatable {
  package private(set) var asked = 0, pooled = 0
  /// The largest of them in its size class.
  package private(set) var largest = 0

  /// None.
  package init() {}

  private init(asked: Int, pooled: Int, largest: Int) {
    self.asked = asked
    self.pooled = pooled
    self.largest = largest
  }

  /// `count` tensors of `rows` rows of `width` numbers of `size` bytes.
  package mutating func add(_ rows: Int, _ width: Int, size: Int = 4, count: Int = 1) {
    guard rows > 0, count > 0 else { return }
    // Sizes come from foreign configurations: what is beyond all memory stays a number.
    let bytes = Int(min(Double(rows) * Double(width) * Double(size), 1e15))
    asked += bytes * count
    pooled += MemoryPool.sizeClass(bytes) * count
    largest = max(largest, MemoryPool.sizeClass(bytes))
  }

  package static func + (left: BufferBytes, right: BufferBytes) -> BufferBytes {
    BufferBytes(
      asked: left.asked + right.asked, pooled: left.pooled + right.pooled, largest: max(left.largest, right.largest))
  }

  package static func - (left: BufferBytes, right: BufferBytes) -> BufferBytes {
    BufferBytes(asked: left.asked - right.asked, pooled: left.pooled - right.pooled, largest: left.largest)
  }

  package static func += (left: inout BufferBytes, right: BufferBytes) { left = left + right }

  /// The larger in both.
  static func larger(_ left: BufferBytes, _ right: BufferBytes) -> BufferBytes {
    BufferBytes(
      asked: max(left.asked, right.asked), pooled: max(left.pooled, right.pooled),
      largest: max(left.largest, right.largest))
  }
}
