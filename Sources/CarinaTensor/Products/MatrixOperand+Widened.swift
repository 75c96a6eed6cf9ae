import CarinaRuntime

extension MatrixOperand {
  /// The factor in fp32: itself, or a copy of a bfloat16 one.
  func widened(from pool: MemoryPool) -> MatrixOperand {
    guard elementType == .bfloat16 else { return self }
    let storedRows = isTransposed ? columns : rows, storedColumns = isTransposed ? rows : columns
    let buffer = PooledBuffer(storedRows * storedColumns * 4, from: pool)
    let wide = buffer.pointer.assumingMemoryBound(to: Float.self)
    for row in 0..<storedRows {
      BFloat16Rows.widen(pointer + row * stride * 2, into: wide + row * storedColumns, count: storedColumns)
    }
    let stored = MatrixOperand(
      pointer: wide, elementType: .float32, rows: storedRows, columns: storedColumns, stride: storedColumns,
      keeper: buffer)
    return isTransposed ? stored.transposed : stored
  }
}
