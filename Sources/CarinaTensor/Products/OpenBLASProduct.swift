import COpenBLAS
import CarinaRuntime

/// fp32 products by OpenBLAS, each thread of the team multiplying a share of the rows or columns.
///
/// OpenBLAS itself is kept to one thread: its own threads would fight with the team for the cores. It has no bfloat16
/// product in Debian's build, so bfloat16 factors are widened first.
package struct OpenBLASProduct: MatrixProductProvider {
  /// Keeps the library to the calling thread; done once, before its first product whoever asks for it.
  private static let isSingleThreaded: Void = openblas_set_num_threads(1)

  private let pool: MemoryPool

  /// A provider that takes memory for widened factors from a pool.
  package init(pool: MemoryPool = MemoryPool()) { self.pool = pool }

  /// Name and version.
  package var name: String { "OpenBLAS (\(String(cString: openblas_get_corename())))" }

  /// It has none.
  package var packsFactors: Bool { false }

  /// See `MatrixProductProvider`: it fuses nothing.
  package func multiply(
    _ a: MatrixOperand, _ b: MatrixOperand, into c: UnsafeMutableRawPointer, epilogue: ProductEpilogue
  ) -> Bool { false }

  /// See `MatrixProductProvider`: it has no layouts of its own.
  package func pack(_ b: MatrixOperand) -> (any PackedFactor)? { nil }

  /// See `MatrixProductProvider`.
  package func multiply(
    _ a: MatrixOperand, _ b: MatrixOperand, into c: UnsafeMutablePointer<Float>, cStride: Int, accumulate: Bool
  ) {
    let a = a.widened(from: pool), b = b.widened(from: pool)
    let work = a.rows * b.columns * a.columns
    let parts = work < 1 << 16 ? 1 : ThreadTeam.count
    // Shares of the longer side keep each thread's piece as square as it gets.
    let byRows = a.rows >= b.columns
    let length = byRows ? a.rows : b.columns
    ThreadTeam.run(taskCount: min(parts, length)) { part in
      let parts = min(parts, length)
      let first = length * part / parts, last = length * (part + 1) / parts
      OpenBLASProduct.single(
        byRows ? a.rowRange(first..<last) : a, byRows ? b : b.columnRange(first..<last),
        into: byRows ? c + first * cStride : c + first, cStride: cStride, accumulate: accumulate)
    }
    withExtendedLifetime((a, b)) {}
  }

  /// One product in the calling thread.
  static func single(
    _ a: MatrixOperand, _ b: MatrixOperand, into c: UnsafeMutablePointer<Float>, cStride: Int, accumulate: Bool
  ) {
    OpenBLASProduct.isSingleThreaded
    cblas_sgemm(
      CblasRowMajor, a.isTransposed ? CblasTrans : CblasNoTrans, b.isTransposed ? CblasTrans : CblasNoTrans,
      blasint(a.rows), blasint(b.columns), blasint(a.columns), 1, a.pointer.assumingMemoryBound(to: Float.self),
      blasint(max(a.stride, 1)), b.pointer.assumingMemoryBound(to: Float.self), blasint(max(b.stride, 1)),
      accumulate ? 1 : 0, c, blasint(max(cStride, 1)))
  }
}
