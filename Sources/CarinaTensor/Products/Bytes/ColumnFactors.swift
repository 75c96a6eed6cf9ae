import CKernels

/// Factors for the columns of frozen matrices, so that rows of activations with a few large channels can be rounded to
/// 8 bits: such channels meet small weights (Nagel et al. 2019, Xiao et al. 2023), so the activations are multiplied by
/// the size of their column, and the column divided by it. Powers of two leave everything else as it is.
enum ColumnFactors {
  /// Columns that are so many times larger or smaller than the usual one still meet activations of the usual size.
  private static let usualSpread = 4.0

  /// See `MatrixKernels.columnFactors`.
  static func of(_ matrices: [Tensor], on backend: CPUBackend) -> Tensor {
    guard let width = matrices.first?.width, width > 0 else { return Tensor(zeros: [0], on: backend) }
    precondition(matrices.allSatisfy { $0.width == width }, "matrices that read other rows")
    let squares = Tensor(zeros: [2 * width], on: backend)
    let sums = UnsafeMutableRawPointer(squares.floats).assumingMemoryBound(to: Double.self)
    for matrix in matrices {
      let source = matrix.elementType == .bfloat16 ? matrix : matrix.converted(to: .bfloat16)
      let inverses = Tensor(uninitialized: [matrix.rows], on: backend)
      RowSplit.run(matrix.rows, grain: RowSplit.grain(width: width)) { range in
        carina_inverse_row_sizes(
          source.bfloats + range.lowerBound * width, Int64(width), Int64(range.count), Int64(width),
          inverses.floats + range.lowerBound)
      }
      // Columns are what is divided, so that each is summed from the first row to the last.
      RowSplit.run(width, grain: 64) { range in
        carina_add_column_squares(
          source.bfloats + range.lowerBound, Int64(width), inverses.floats, Int64(matrix.rows), Int64(range.count),
          sums + range.lowerBound)
      }
      withExtendedLifetime((source, inverses)) {}
    }
    let rows = Double(max(matrices.reduce(0) { $0 + $1.rows }, 1))
    let sizes = (0..<width).map { (sums[$0] / rows).squareRoot() }
    withExtendedLifetime(squares) {}
    let usual = sizes.sorted()[width / 2]
    return Tensor(sizes.map { factor($0 / usual) }, shape: [width], on: backend)
  }

  /// The next power of two to the size of a column in parts of the usual one, where it is far from that; else 1.
  private static func factor(_ part: Double) -> Float {
    guard part.isFinite, part > 0x1p-60, part < 1 / usualSpread || part > usualSpread else { return 1 }
    let exponent = Int(part.exponent) + (part.significand > Double(2).squareRoot() ? 1 : 0)
    return Float(sign: .plus, exponent: exponent, significand: 1)
  }
}
