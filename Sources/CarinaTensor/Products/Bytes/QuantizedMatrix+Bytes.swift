import CKernels

extension QuantizedMatrix {
  /// See `QuantizedFactor`.
  package func multiply(_ x: ByteRows, bias: Tensor?, summand: Tensor?, into c: Tensor) {
    multiply(x, bias: bias, summand: summand, byVectors: ByteRows.hasVectors, into: c)
  }

  /// The same.
  /// - Parameter byVectors: whether the processor's products of bytes are used; never where it has none.
  package func multiply(_ x: ByteRows, bias: Tensor?, summand: Tensor?, byVectors: Bool, into c: Tensor) {
    precondition(x.columns == columns, "rows of \(x.columns) meet weights of \(columns)")
    let columns = columns, values = values
    BytePanelProduct(
      left: x, width: rows, scales: scales, bias: bias, summand: summand, byVectors: byVectors, matrix: storage,
      backend: backend
    ).run(into: c) { first, count in
      carina_next_weights(
        weights: values + first * columns, stride: Int64(columns), rows: Int64(count), bytes: Int64(columns))
    } panel: { first, count, panel in
      carina_pack_byte_rows(
        values + first * columns, Int64(columns), Int64(count), Int64(columns), Int64(x.group), panel,
        byVectors ? 1 : 0)
      return UnsafePointer(panel)
    }
  }

  /// See `QuantizedFactor`.
  package var rowFactors: Tensor { Tensor(shape: [rows], storage: storage, byteOffset: scaleOffset) }

  /// See `QuantizedFactor`.
  package func gradientRows(_ gradient: Tensor) -> ByteRows { gradientRows(gradient, byVectors: ByteRows.hasVectors) }

  private func gradientRows(_ gradient: Tensor, byVectors: Bool) -> ByteRows {
    ByteRows(gradient: gradient, scales: scales, of: rows, byVectors: byVectors, on: backend)
  }

  /// See `QuantizedFactor`.
  package func multiplyBack(_ gradient: ByteRows, adds: Bool, into dx: Tensor) {
    multiplyBack(gradient, adds: adds, byVectors: ByteRows.hasVectors, into: dx)
  }

  /// The same of a gradient [R, N] fp32.
  /// - Parameter byVectors: as in `multiply`.
  package func multiplyBack(_ gradient: Tensor, byVectors: Bool, into dx: Tensor) {
    multiplyBack(gradientRows(gradient, byVectors: byVectors), adds: false, byVectors: byVectors, into: dx)
  }

  private func multiplyBack(_ gradient: ByteRows, adds: Bool, byVectors: Bool, into dx: Tensor) {
    precondition(gradient.columns == rows, "gradients of \(gradient.columns) meet weights of \(rows) rows")
    let columns = columns, rows = rows, values = values
    BytePanelProduct(
      left: gradient, width: columns, scales: columnFactors?.floats, bias: nil, summand: adds ? dx : nil,
      byVectors: byVectors, matrix: storage, backend: backend
    ).run(into: dx) { first, count in
      carina_next_weights(weights: values + first, stride: Int64(columns), rows: Int64(rows), bytes: Int64(count))
    } panel: { first, count, panel in
      carina_pack_byte_columns(
        values + first, Int64(columns), Int64(count), Int64(rows), Int64(gradient.group), panel, byVectors ? 1 : 0)
      return UnsafePointer(panel)
    }
  }

  /// The matrix as whole numbers, row by row, and the scale of each row.
  package var wholeNumbers: [Int] { (0..<rows * columns).map { Int(values[$0]) } }
  package var rowScales: [Float] { (0..<rows).map { scales[$0] } }
}
