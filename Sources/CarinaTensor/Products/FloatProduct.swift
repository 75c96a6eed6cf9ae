import CKernels
import CarinaRuntime

/// fp32 products by a kernel of the engine's own: small ones, those inside attention, and what a library refuses.
///
/// A number of the result depends on its row and column alone. That of OpenBLAS depends on how many stand beside it
/// wherever the library's kernel for the processor forms the last rows of a block in another order; and it takes one for
/// SSE3 on processors that are younger than it.
struct FloatProduct {
  private let pool: MemoryPool

  /// Products that take memory from a pool.
  init(pool: MemoryPool) { self.pool = pool }

  /// c = a b, or c += a b, each thread of the team multiplying a share of the rows or columns; c is
  /// [a.rows, b.columns] fp32 with `cStride` elements between rows. bfloat16 factors are widened first.
  func multiply(
    _ a: MatrixOperand, _ b: MatrixOperand, into c: UnsafeMutablePointer<Float>, cStride: Int, accumulate: Bool
  ) {
    let a = a.widened(from: pool), b = b.widened(from: pool)
    let byRows = a.rows >= b.columns, length = byRows ? a.rows : b.columns
    let work = a.rows * b.columns * a.columns
    let parts = work < 1 << 16 ? 1 : min(ThreadTeam.count, length)
    ThreadTeam.run(taskCount: parts) { part in
      let range = length * part / parts..<length * (part + 1) / parts
      multiplyAlone(
        byRows ? a.rowRange(range) : a, byRows ? b : b.columnRange(range),
        into: byRows ? c + range.lowerBound * cStride : c + range.lowerBound, cStride: cStride, accumulate: accumulate)
    }
    withExtendedLifetime((a, b)) {}
  }

  /// The same of fp32 factors, in the calling thread.
  func multiplyAlone(
    _ a: MatrixOperand, _ b: MatrixOperand, into c: UnsafeMutablePointer<Float>, cStride: Int, accumulate: Bool
  ) {
    precondition(a.elementType == .float32 && b.elementType == .float32 && a.columns == b.rows, "factors do not suit")
    let memory = PooledBuffer(a.columns * Int(CARINA_FLOAT_PANEL_COLUMNS) * 4, from: pool)
    carina_float_product(
      a.pointer.assumingMemoryBound(to: Float.self), Int64(a.rowDistance), Int64(a.columnDistance),
      b.pointer.assumingMemoryBound(to: Float.self), Int64(b.rowDistance), Int64(b.columnDistance), c, Int64(cStride),
      Int64(a.rows), Int64(b.columns), Int64(a.columns), accumulate ? 1 : 0,
      memory.pointer.assumingMemoryBound(to: Float.self))
    withExtendedLifetime((a, b, memory)) {}
  }
}
