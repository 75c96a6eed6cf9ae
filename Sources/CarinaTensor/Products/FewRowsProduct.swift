import CKernels

/// c = x Wᵀ for a few rows of x, as in decoding: nearly all the time goes into reading W, so each weight is read once,
/// from front to back, and the outputs are shared out among the team of threads.
///
/// A library's matrix product packs its factors first, which for one row costs more than the product.
package enum FewRowsProduct {
  /// The most rows that are few.
  package static let mostRows = Int(CARINA_MOST_FEW_ROWS)
  /// Whether the processor multiplies pairs of bfloat16 numbers (AVX-512 BF16).
  package static let hasPairs = carina_has_few_rows_pairs() != 0
  /// Below this many bytes of fp32 weights, which a core's own cache holds, OpenBLAS is as good.
  private static let smallestByteCount = 1 << 20
  /// Outputs of a share are at least this many bytes of weights: a thread takes microseconds to wake.
  private static let shareByteCount = 1 << 17

  /// Whether this product is one of few rows by stored rows of weights, and large enough.
  static func suits(_ a: MatrixOperand, _ b: MatrixOperand, accumulate: Bool) -> Bool {
    a.rows <= mostRows && !accumulate && !a.isTransposed && b.isTransposed
      && (b.elementType == .bfloat16 || b.rows * b.columns * 4 >= smallestByteCount)
  }

  /// c = a b with a [1…mostRows, K] and b a transposed [N, K]; c is [a.rows, N] fp32 with `cStride` elements between
  /// rows.
  ///
  /// Sums are in fp32, in an order that depends on K alone.
  /// - Parameter byPairs: whether bfloat16 is multiplied as it is rather than widened; by default where the processor
  ///   can.
  package static func multiply(
    _ a: MatrixOperand, _ b: MatrixOperand, into c: UnsafeMutablePointer<Float>, cStride: Int,
    byPairs: Bool = hasPairs, pool: MemoryPool
  ) {
    precondition(
      (1...mostRows).contains(a.rows) && !a.isTransposed && b.isTransposed && a.columns == b.rows,
      "[\(a.rows), \(a.columns)] times [\(b.rows), \(b.columns)] is no product of few rows")
    if byPairs && hasPairs && b.elementType == .bfloat16 { return multiplyPairs(a, b, into: c, cStride: cStride) }
    let buffer = wide(a, pool), x = buffer.pointer.assumingMemoryBound(to: Float.self)
    let inputs = b.rows, outputs = b.columns, rowBytes = b.stride * b.elementType.byteCount
    let grain = max(1, shareByteCount / max(rowBytes, 1))
    RowSplit.run(outputs, grain: grain) { range in
      let weights = b.pointer + range.lowerBound * rowBytes
      let (rows, count, width) = (Int64(a.rows), Int64(range.count), Int64(inputs))
      if b.elementType == .bfloat16 {
        carina_few_rows_bfloat16(
          x, weights.assumingMemoryBound(to: UInt16.self), Int64(b.stride), c + range.lowerBound, Int64(cStride),
          rows, count, width)
      } else {
        carina_few_rows_float(
          x, weights.assumingMemoryBound(to: Float.self), Int64(b.stride), c + range.lowerBound, Int64(cStride),
          rows, count, width)
      }
    }
    withExtendedLifetime(buffer) {}
  }

  /// Both factors as they are, where the processor multiplies bfloat16.
  private static func multiplyPairs(
    _ a: MatrixOperand, _ b: MatrixOperand, into c: UnsafeMutablePointer<Float>, cStride: Int
  ) {
    precondition(a.elementType == .bfloat16, "bfloat16 weights meet rows of \(a.elementType)")
    let x = a.pointer.assumingMemoryBound(to: UInt16.self), weights = b.pointer.assumingMemoryBound(to: UInt16.self)
    RowSplit.run(b.columns, grain: max(1, shareByteCount / max(b.stride * 2, 1))) { range in
      carina_few_rows_pairs(
        x, Int64(a.stride), weights + range.lowerBound * b.stride, Int64(b.stride), c + range.lowerBound,
        Int64(cStride), Int64(a.rows), Int64(range.count), Int64(b.rows))
    }
  }

  /// The rows in fp32, without gaps.
  private static func wide(_ a: MatrixOperand, _ pool: MemoryPool) -> PooledBuffer {
    let buffer = PooledBuffer(a.rows * a.columns * 4, from: pool)
    let x = buffer.pointer.assumingMemoryBound(to: Float.self)
    for row in 0..<a.rows {
      let source = a.pointer + row * a.stride * a.elementType.byteCount, target = x + row * a.columns
      if a.elementType == .bfloat16 {
        BFloat16Rows.widen(source, into: target, count: a.columns)
      } else {
        UnsafeMutableRawPointer(target).copyMemory(from: source, byteCount: a.columns * 4)
      }
    }
    return buffer
  }
}
