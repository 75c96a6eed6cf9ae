import COpenBLAS

/// fp32 products by OpenBLAS, each thread of the team multiplying a share of the rows or columns.
///
/// OpenBLAS itself is kept to one thread: its own threads would fight with the team for the cores. It has no bfloat16
/// product in Debian's build, so bfloat16 factors are widened first.
public struct OpenBLASProduct: MatrixProductProvider {
  /// Keeps the library to the calling thread; done once, before its first product whoever asks for it.
  private static let isSingleThreaded: Void = openblas_set_num_threads(1)

  /// The provider has no state.
  public init() {}

  /// Name and version.
  public var name: String { "OpenBLAS (\(String(cString: openblas_get_corename())))" }

  /// fp32 natively; bfloat16 by widening.
  public func supports(_ elementType: ElementType) -> Bool { elementType == .float32 }

  /// See `MatrixProductProvider`.
  public func multiply(
    _ a: MatrixOperand, _ b: MatrixOperand, into c: UnsafeMutablePointer<Float>, cStride: Int, accumulate: Bool
  ) {
    let a = OpenBLASProduct.widened(a), b = OpenBLASProduct.widened(b)
    let work = a.operand.rows * b.operand.columns * a.operand.columns
    let parts = work < 1 << 16 ? 1 : ThreadTeam.count
    // Shares of the longer side keep each thread's piece as square as it gets.
    let byRows = a.operand.rows >= b.operand.columns
    let length = byRows ? a.operand.rows : b.operand.columns
    ThreadTeam.run(taskCount: min(parts, length)) { part in
      let parts = min(parts, length)
      let first = length * part / parts, last = length * (part + 1) / parts
      OpenBLASProduct.single(
        byRows ? a.operand.rowRange(first..<last) : a.operand, byRows ? b.operand : b.operand.columnRange(first..<last),
        into: byRows ? c + first * cStride : c + first, cStride: cStride, accumulate: accumulate)
    }
    withExtendedLifetime((a.keeper, b.keeper)) {}
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

  private static func widened(_ operand: MatrixOperand) -> (operand: MatrixOperand, keeper: Storage?) {
    guard operand.elementType == .bfloat16 else { return (operand, nil) }
    let storedRows = operand.isTransposed ? operand.columns : operand.rows
    let storedColumns = operand.isTransposed ? operand.rows : operand.columns
    let wide = Tensor(uninitialized: [storedRows, storedColumns])
    for row in 0..<storedRows {
      BFloat16Rows.widen(
        operand.pointer + row * operand.stride * 2, into: wide.floats + row * storedColumns, count: storedColumns)
    }
    return (
      MatrixOperand(
        pointer: wide.pointer, elementType: .float32, rows: operand.rows, columns: operand.columns,
        stride: storedColumns,
        isTransposed: operand.isTransposed), wide.storage
    )
  }
}

extension MatrixOperand {
  func rowRange(_ range: Range<Int>) -> MatrixOperand {
    let skip = (isTransposed ? range.lowerBound : range.lowerBound * stride) * elementType.byteCount
    return MatrixOperand(
      pointer: pointer + skip, elementType: elementType, rows: range.count, columns: columns, stride: stride,
      isTransposed: isTransposed)
  }

  func columnRange(_ range: Range<Int>) -> MatrixOperand { transposed.rowRange(range).transposed }
}
