import CKernels

/// Rows [R, K] in 8 bits, as products of bytes read them: whole numbers of 0 to 255, and for each group of a row the
/// step between them and the one that stands for 0.
package final class ByteRows {
  /// Rows and columns.
  package let rows: Int, columns: Int
  /// Columns that share a step.
  let group: Int
  /// Bytes from one row to the next.
  let stride: Int
  private let storage: Storage

  /// Whether the processor multiplies bytes into whole numbers (AVX-512 VNNI); without, digits are the same.
  package static let hasVectors = carina_has_byte_tiles() != 0

  /// Rounds x [R, K] fp32, after an activation or times `factors` [K].
  package init(
    _ x: Tensor, activation: GELUKind? = nil, factors: UnsafePointer<Float>? = nil, group: Int,
    byVectors: Bool = hasVectors, on backend: CPUBackend
  ) {
    rows = x.rows
    columns = x.width
    self.group = group
    stride = (columns + 63) / 64 * 64
    let groups = (columns + group - 1) / group
    storage = Storage(byteCount: rows * (stride + 8 * groups) + 64, on: backend)
    let values = values, steps = steps, zeros = zeros, source = x.floats
    RowSplit.run(rows, grain: RowSplit.grain(width: columns)) { [columns, stride] range in
      func round(_ source: UnsafePointer<Float>, _ row: Int, _ count: Int) {
        carina_round_to_bytes(
          source, factors, Int64(count), Int64(columns), Int64(group), values + row * stride, Int64(stride),
          steps + row * groups, zeros + row * groups, byVectors ? 1 : 0)
      }
      guard let activation else {
        return round(source + range.lowerBound * columns, range.lowerBound, range.count)
      }
      let buffer = PooledBuffer(columns * 4, from: backend.pool)
      let active = buffer.pointer.assumingMemoryBound(to: Float.self)
      for row in range {
        carina_gelu_forward(source + row * columns, active, Int64(columns), activation.code)
        round(active, row, 1)
      }
      withExtendedLifetime(buffer) {}
    }
    withExtendedLifetime(x) {}
  }

  private var groups: Int { (columns + group - 1) / group }
  /// The whole numbers.
  var values: UnsafeMutablePointer<UInt8> { storage.address.assumingMemoryBound(to: UInt8.self) }
  /// Step and zero of each group, row by row.
  var steps: UnsafeMutablePointer<Float> { (storage.address + rows * stride).assumingMemoryBound(to: Float.self) }
  var zeros: UnsafeMutablePointer<Int32> {
    (storage.address + rows * (stride + 4 * groups)).assumingMemoryBound(to: Int32.self)
  }
  /// How many groups a row has.
  var groupCount: Int { groups }

  /// What stands for the numbers, less what stands for 0, row by row.
  package var wholeNumbers: [Int] {
    (0..<rows).flatMap { row in
      (0..<columns).map { Int(values[row * stride + $0]) - Int(zeros[row * groups + $0 / group]) }
    }
  }
  /// The step of each group, row by row.
  package var stepSizes: [Float] { (0..<rows * groups).map { steps[$0] } }
}
