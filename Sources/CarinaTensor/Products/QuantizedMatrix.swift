import CKernels

/// A weight matrix in 8 bits with one scale a row: half the bytes of bfloat16, which is half the time of a token in
/// decoding.
package final class QuantizedMatrix: QuantizedFactor {
  /// Rows N and columns K.
  package let rows: Int, columns: Int
  /// See `QuantizedFactor`.
  package let storage: Storage
  /// See `QuantizedFactor`.
  package let columnFactors: Tensor?
  let backend: CPUBackend
  private let layout: QuantizedLayout
  /// Sums of bytes in 32 bits hold so many columns.
  private static let mostByteColumns = 1 << 16
  /// Whether the processor sums products of bytes (AVX-512 VNNI).
  package static let hasByteProducts = carina_has_byte_products() != 0
  /// Rows of weights that a thread takes at a time: enough that waking it pays.
  private var grain: Int { max(1, (1 << 17) / max(columns, 1)) }

  /// Rounds a matrix [N, K], fp32 or bfloat16 (fp32 by way of bfloat16).
  package convenience init(_ matrix: Tensor, on backend: CPUBackend) { self.init(matrix, nil, on: backend) }

  /// Rounds a matrix whose columns are divided by powers of two [K] fp32 first, for products of bytes alone.
  package convenience init(_ matrix: Tensor, dividedBy factors: Tensor, on backend: CPUBackend) {
    precondition(factors.count == matrix.width, "\(factors.count) factors of \(matrix.width) columns")
    let divided = Tensor(uninitialized: matrix.shape, elementType: .bfloat16, on: backend)
    let source = matrix.elementType == .bfloat16 ? matrix : matrix.converted(to: .bfloat16), width = matrix.width
    RowSplit.run(matrix.rows, grain: RowSplit.grain(width: width)) { range in
      carina_divide_columns(
        source.bfloats + range.lowerBound * width, factors.floats, Int64(range.count), Int64(width),
        divided.bfloats + range.lowerBound * width)
    }
    withExtendedLifetime(source) {}
    self.init(divided, factors, on: backend)
  }

  private init(_ matrix: Tensor, _ factors: Tensor?, on backend: CPUBackend) {
    self.backend = backend
    columnFactors = factors
    rows = matrix.rows
    columns = matrix.width
    layout = QuantizedLayout(rows: rows, columns: columns)
    storage = Storage(byteCount: layout.byteCount, on: backend)
    layout.clearGaps(at: storage.address)
    let values = values, scales = scales, sums = sums, errors = errors
    let source =
      matrix.elementType == .bfloat16
      ? matrix : Tensor(uninitialized: matrix.shape, elementType: .bfloat16, on: backend)
    if matrix.elementType == .float32 { backend.convert(matrix, into: source) }
    RowSplit.run(rows, grain: grain) { [columns] range in
      let first = range.lowerBound
      carina_quantize_rows(
        source.bfloats + first * columns, Int64(columns), Int64(range.count), Int64(columns), values + first * columns,
        scales + first, sums + first, errors + first)
    }
    withExtendedLifetime(source) {}
  }

  /// A matrix [rows, columns] whose bytes are there already, in a mapped file for example.
  package init(rows: Int, columns: Int, storage: Storage, on backend: CPUBackend) {
    self.backend = backend
    columnFactors = nil
    self.rows = rows
    self.columns = columns
    layout = QuantizedLayout(rows: rows, columns: columns)
    precondition(storage.byteCount >= layout.byteCount, "\(storage.byteCount) bytes for [\(rows), \(columns)]")
    self.storage = storage
  }

  var values: UnsafeMutablePointer<Int8> { storage.address.assumingMemoryBound(to: Int8.self) }
  var scales: UnsafeMutablePointer<Float> { at(layout.scales) }
  /// Where the scales begin in the storage.
  var scaleOffset: Int { layout.scales }
  /// Lengths of what rounding changed in each row.
  private var errors: UnsafeMutablePointer<Float> { at(layout.errors) }
  /// Sums of the rows' whole numbers.
  private var sums: UnsafeMutablePointer<Int32> { at(layout.sums) }
  private func at<Number>(_ offset: Int) -> UnsafeMutablePointer<Number> {
    (storage.address + offset).assumingMemoryBound(to: Number.self)
  }

  /// Bytes that it takes.
  package var byteCount: Int { layout.byteCount + (columnFactors == nil ? 0 : 4 * columns) }

  /// x Wᵀ for x [R, K] fp32, giving [R, N]: a few rows by the 8-bit weights as they are, many by their bfloat16 values,
  /// a part of the rows of W at a time.
  /// - Parameter byBytes: whether few rows meet the weights in sums of whole bytes; never where the processor cannot.
  package func product(_ x: Tensor, byBytes: Bool) -> Tensor {
    precondition(
      x.width == columns && columnFactors == nil, "rows of \(x.width) meet weights of \(columns) for products of bytes")
    let out = Tensor(uninitialized: [x.rows, rows], on: x.backend)
    if x.rows <= FewRowsProduct.mostRows {
      fewRows(x, byBytes: byBytes, into: out)
    } else {
      manyRows(x, into: out)
    }
    return out
  }

  /// See `QuantizedFactor`.
  package func product(_ x: Tensor) -> Tensor { product(x, byBytes: QuantizedMatrix.hasByteProducts) }

  private func fewRows(_ x: Tensor, byBytes: Bool, into out: Tensor) {
    guard x.rows > 0 else { return }
    let weights = values, scales = scales
    if byBytes && QuantizedMatrix.hasByteProducts && columns <= QuantizedMatrix.mostByteColumns {
      return byteRows(x, weights, into: out)
    }
    RowSplit.run(rows, grain: grain) { range in
      let first = range.lowerBound
      carina_few_rows_int8(
        x.floats, weights + first * columns, scales + first, out.floats + first, Int64(rows), Int64(x.rows),
        Int64(range.count), Int64(columns))
    }
  }

  /// The same with x in 16 bits and sums of whole numbers, four times as many a cycle.
  private func byteRows(_ x: Tensor, _ weights: UnsafePointer<Int8>, into out: Tensor) {
    let bytes = PooledBuffer(2 * x.count, from: backend.pool), steps = Tensor(uninitialized: [x.rows], on: backend)
    let upper = bytes.pointer.assumingMemoryBound(to: UInt8.self), lower = upper + x.count
    carina_split_rows(x.floats, Int64(x.rows), Int64(columns), upper, lower, steps.floats)
    let rowSums = sums, scales = scales
    RowSplit.run(rows, grain: grain) { range in
      let first = range.lowerBound
      carina_few_rows_bytes(
        upper, lower, steps.floats, weights + first * columns, scales + first, rowSums + first,
        out.floats + first, Int64(rows), Int64(x.rows), Int64(range.count), Int64(columns))
    }
    withExtendedLifetime((bytes, steps)) {}
  }

  private func manyRows(_ x: Tensor, into out: Tensor) {
    let operand = Tensor(uninitialized: x.shape, elementType: .bfloat16, on: backend)
    backend.convert(x, into: operand)
    let part = max(1, (1 << 23) / max(columns, 1))
    for first in stride(from: 0, to: rows, by: part) {
      let range = first..<min(rows, first + part), wide = dequantized(range)
      backend.multiply(
        MatrixOperand(operand, rows: x.rows, columns: columns),
        MatrixOperand(wide, rows: range.count, columns: columns).transposed, into: out.floats + first, cStride: rows,
        accumulate: false)
    }
  }

  /// Rows of the matrix as bfloat16, [range.count, K].
  package func dequantized(_ range: Range<Int>) -> Tensor {
    let wide = Tensor(uninitialized: [range.count, columns], elementType: .bfloat16, on: backend)
    let weights = values, scales = scales
    RowSplit.run(range.count, grain: grain) { part in
      let first = range.lowerBound + part.lowerBound
      carina_dequantize_rows(
        weights + first * columns, scales + first, Int64(part.count), Int64(columns),
        wide.bfloats + part.lowerBound * columns)
    }
    return wide
  }

  /// Rows n of W for which W's own product with x could be the largest.
  ///
  /// The product with the rounded row differs from the exact one by at most |x| · |row − rounded row| (Cauchy and
  /// Schwarz), to which the rounding of fp32 sums is added; a row whose upper end is below the best lower end cannot
  /// win.
  /// - Parameters:
  ///   - x: [R, K].
  ///   - products: [R, N], `product(x)`.
  ///   - row: which of the rows.
  /// - Returns: row numbers, rising; none when the products are no numbers.
  package func candidates(_ x: Tensor, products: Tensor, row: Int) -> [Int] {
    let x = x.floats + row * columns, products = products.floats + row * rows
    let errors = self.errors, scales = self.scales
    var squares = 0.0
    for index in 0..<columns { squares += Double(x[index]) * Double(x[index]) }
    // Sums of K terms in fp32 are off by less than K · 2⁻²⁴ of |x| |row|, and x in 16 bits by √K |x| / 65024; |row| is
    // at most 127 scales · √K.
    let length = Float(squares.squareRoot()) * 1.0001, root = Float(columns).squareRoot()
    let slack = length * 127 * root * (Float(columns) * 0x1p-23 + root / 65024)
    var best = -Float.infinity
    for row in 0..<rows {
      let lower = products[row] - errors[row] * length - scales[row] * slack
      if lower > best { best = lower }
    }
    var found: [Int] = []
    for row in 0..<rows where products[row] + errors[row] * length + scales[row] * slack >= best { found.append(row) }
    return found
  }
}
