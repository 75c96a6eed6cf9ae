import CKernels

extension CPUBackend: MatrixKernels {
  /// See `MatrixKernels`.
  package func multiply(_ a: MatrixFactor, _ b: MatrixFactor, into c: Tensor, accumulate: Bool) {
    precondition(a.rows * b.columns <= c.count, "[\(a.rows), \(b.columns)] into \(c.shape)")
    multiply(MatrixOperand(a), MatrixOperand(b), into: c.floats, accumulate: accumulate)
  }

  /// See `MatrixKernels`; the factor comes in a pass of its own.
  package func multiply(_ a: MatrixFactor, _ b: MatrixFactor, into c: Tensor, scaledBy factor: Float) {
    multiply(a, b, into: c, accumulate: false)
    scale(c, by: factor)
  }

  /// See `MatrixKernels`.
  package func multiply(_ a: MatrixFactor, _ b: MatrixFactor, into c: Tensor, epilogue: ProductEpilogue) -> Bool {
    products.multiply(MatrixOperand(a), MatrixOperand(b), into: c.pointer, epilogue: epilogue)
  }

  /// c = a b, or c += a b with c [a.rows, b.columns] fp32, densely stored unless a stride is given: through the
  /// library, but for products of few rows.
  package func multiply(
    _ a: MatrixOperand, _ b: MatrixOperand, into c: UnsafeMutablePointer<Float>, cStride: Int? = nil, accumulate: Bool
  ) {
    precondition(a.columns == b.rows, "[\(a.rows), \(a.columns)] times [\(b.rows), \(b.columns)]")
    precondition(a.elementType == b.elementType, "factors of \(a.elementType) and \(b.elementType)")
    let stride = cStride ?? b.columns
    guard a.rows > 0, b.columns > 0 else { return }
    if a.columns == 0 {
      if !accumulate { for row in 0..<a.rows { (c + row * stride).update(repeating: 0, count: b.columns) } }
      return
    }
    if FewRowsProduct.suits(a, b, accumulate: accumulate) {
      FewRowsProduct.multiply(a, b, into: c, cStride: stride, pool: pool)
    } else {
      products.multiply(a, b, into: c, cStride: stride, accumulate: accumulate)
    }
  }

  /// c = a b by the product of few rows, whatever the library; b is a transposed [N, K].
  /// - Parameter byPairs: whether bfloat16 is multiplied as it is rather than widened.
  package func multiplyFewRows(
    _ a: MatrixFactor, _ b: MatrixFactor, into c: Tensor, byPairs: Bool = FewRowsProduct.hasPairs
  ) {
    FewRowsProduct.multiply(
      MatrixOperand(a), MatrixOperand(b), into: c.floats, cStride: b.columns, byPairs: byPairs, pool: pool)
  }

  /// See `MatrixKernels`.
  package func addBias(_ bias: Tensor, to target: Tensor) {
    let width = target.width
    RowSplit.run(target.rows, grain: RowSplit.grain(width: width)) { range in
      carina_add_bias(target.floats + range.lowerBound * width, bias.floats, Int64(range.count), Int64(width))
    }
  }

  /// See `MatrixKernels`.
  package func addColumnSums(_ x: Tensor, to target: Tensor) {
    let width = x.width
    RowSplit.reduceColumns(x.rows, into: [target], width: width, on: self) { range, partial in
      carina_add_column_sums(x.floats + range.lowerBound * width, partial[0], Int64(range.count), Int64(width))
    }
  }

  /// See `MatrixKernels`.
  package func frozenFactor() -> any FrozenFactor { CPUFrozenFactor(self) }

  /// See `MatrixKernels`.
  package func quantized(_ matrix: Tensor, columnFactors: Tensor?) -> any QuantizedFactor {
    guard let columnFactors else { return QuantizedMatrix(matrix, on: self) }
    return QuantizedMatrix(matrix, dividedBy: columnFactors, on: self)
  }

  /// See `MatrixKernels`.
  package func columnFactors(of matrices: [Tensor]) -> Tensor { ColumnFactors.of(matrices, on: self) }

  /// See `MatrixKernels`.
  package func quantized(rows: Int, columns: Int, storage: Storage) -> any QuantizedFactor {
    QuantizedMatrix(rows: rows, columns: columns, storage: storage, on: self)
  }

  /// See `MatrixKernels`.
  package func byteRows(_ x: Tensor, activation: GELUKind?, factors: Tensor?) -> ByteRows {
    ByteRows(
      x, activation: activation, factors: factors?.floats, group: byteRounding.forward,
      widensLarge: byteRounding.widensLarge, on: self)
  }

  /// See `MatrixKernels`.
  package var packsFactors: Bool { products.packsFactors }

  /// See `MatrixKernels`: tile registers need nothing prepared.
  package func preparesProducts(_ type: ElementType) -> Bool { type != .bfloat16 || !(products is AMXProduct) }

  /// See `MatrixKernels`.
  package var mostFewRows: Int { FewRowsProduct.mostRows }
}
