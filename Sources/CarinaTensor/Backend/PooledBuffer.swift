/// A buffer of a pool that goes back when nobody holds it any more.
final class PooledBuffer {
  let pointer: UnsafeMutableRawPointer
  private let byteCount: Int
  private let pool: MemoryPool

  init(_ byteCount: Int, from pool: MemoryPool) {
    self.byteCount = byteCount
    self.pool = pool
    pointer = pool.allocate(byteCount)
  }

  deinit { pool.release(pointer, byteCount) }
}
