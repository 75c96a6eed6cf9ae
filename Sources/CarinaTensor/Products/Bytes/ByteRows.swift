import CKernels

/// Rows [R, K] in 8 bits, as products of bytes read them: whole numbers of 0 to 255, and for each group of a row the
/// step between them and the one that stands for 0. The few numbers of a row that are far larger than its others have
/// further digits beside their byte, so that they do not make the step of the others larger (compare Dettmers et al.
/// 2022, LLM.int8).
package final class ByteRows {
  /// Rows and columns.
  package let rows: Int, columns: Int
  /// Columns that share a step.
  let group: Int
  /// Bytes from one row to the next.
  let stride: Int
  private let storage: Storage
  /// Whether large numbers may take more than a byte.
  private let widensLarge: Bool

  /// Whether the processor multiplies bytes into whole numbers (AVX-512 VNNI); without, digits are the same.
  package static let hasVectors = carina_has_byte_tiles() != 0

  /// Room for rows, which `round` fills.
  init(rows: Int, columns: Int, group: Int, widensLarge: Bool, on backend: CPUBackend) {
    precondition(group > 0 && group <= Int(CARINA_MOST_BYTE_GROUP), "groups of \(group)")
    self.rows = rows
    self.columns = columns
    self.group = group
    stride = ByteRows.stride(columns)
    let groups = (columns + group - 1) / group
    self.widensLarge = widensLarge && groups == 1
    let digits = self.widensLarge ? MemoryLayout<carina_large_numbers>.stride : 0
    storage = Storage(byteCount: rows * (stride + 8 * groups + digits) + 64, on: backend)
  }

  /// Rounds x [R, K] fp32, after an activation and times `factors` [K].
  package convenience init(
    _ x: Tensor, activation: GELUKind? = nil, factors: UnsafePointer<Float>? = nil, group: Int,
    widensLarge: Bool = true, byVectors: Bool = hasVectors, on backend: CPUBackend
  ) {
    self.init(rows: x.rows, columns: x.width, group: group, widensLarge: widensLarge, on: backend)
    let source = x.floats
    RowSplit.run(rows, grain: RowSplit.grain(width: columns)) { [columns] range in
      guard let activation else { return round(source + range.lowerBound * columns, factors, range, byVectors) }
      let buffer = PooledBuffer(columns * 4, from: backend.pool)
      let active = buffer.pointer.assumingMemoryBound(to: Float.self)
      for row in range {
        carina_gelu_for_bytes(source + row * columns, active, Int64(columns), activation.code, byVectors ? 1 : 0)
        round(active, factors, row..<row + 1, byVectors)
      }
      withExtendedLifetime(buffer) {}
    }
    withExtendedLifetime(x) {}
  }

  /// Rounds a gradient [R, N] for the product with N rows of weights in 8 bits. The sums go over these rows, whose scales
  /// [N] therefore belong to the gradient.
  convenience init(
    gradient: Tensor, scales: UnsafePointer<Float>, of rows: Int, byVectors: Bool, on backend: CPUBackend
  ) {
    precondition(gradient.width == rows, "gradients of \(gradient.width) meet weights of \(rows) rows")
    self.init(
      gradient, factors: scales, group: backend.byteRounding.backward, widensLarge: backend.byteRounding.widensLarge,
      byVectors: byVectors, on: backend)
  }

  /// Bytes from one row to the next: an odd number of lines, so that rows that a product reads together do not lie in one
  /// set of the cache.
  static func stride(_ columns: Int) -> Int {
    (columns + 63) / 64 * 64 + (columns > 64 && (columns + 63) / 64 % 2 == 0 ? 64 : 0)
  }

  /// Rounds the rows of a range, times `factors` [K], from rows of fp32 that lie one after the other.
  func round(
    _ source: UnsafePointer<Float>, _ factors: UnsafePointer<Float>?, _ range: Range<Int>, _ byVectors: Bool
  ) {
    let first = range.lowerBound
    carina_round_to_bytes(
      source, factors, Int64(range.count), Int64(columns), Int64(group), values + first * stride, Int64(stride),
      steps + first * groups, zeros + first * groups, large.map { $0 + first }, byVectors ? 1 : 0)
  }

  private var groups: Int { (columns + group - 1) / group }
  /// The whole numbers.
  var values: UnsafeMutablePointer<UInt8> { storage.address.assumingMemoryBound(to: UInt8.self) }
  /// Step and zero of each group, row by row.
  var steps: UnsafeMutablePointer<Float> { (storage.address + rows * stride).assumingMemoryBound(to: Float.self) }
  var zeros: UnsafeMutablePointer<Int32> {
    (storage.address + rows * (stride + 4 * groups)).assumingMemoryBound(to: Int32.self)
  }
  /// What large numbers have beyond their byte, row by row; nil where a byte is all that a number may have.
  var large: UnsafeMutablePointer<carina_large_numbers>? {
    guard widensLarge else { return nil }
    return (storage.address + rows * (stride + 8 * groups)).assumingMemoryBound(to: carina_large_numbers.self)
  }
  /// How many groups a row has.
  var groupCount: Int { groups }

  /// What stands for the numbers, less what stands for 0, row by row.
  package var wholeNumbers: [Int] {
    (0..<rows).flatMap { row in
      var numbers = (0..<columns).map { Int(values[row * stride + $0]) - Int(zeros[row * groups + $0 / group]) }
      guard let large else { return numbers }
      withUnsafeBytes(of: large[row]) { bytes in
        let ends = bytes[0..<4].map { Int($0) }, most = 2 * Int(CARINA_MOST_LARGE_NUMBERS)
        for index in 0..<ends[3] {
          let run = ends.firstIndex { index < $0 } ?? 3
          let first = 4 * Int(bytes.load(fromByteOffset: 4 + 4 * index, as: UInt32.self))
          let digits = bytes.load(fromByteOffset: 4 + 4 * (most + index), as: UInt32.self)
          for byte in 0..<4 where first + byte < columns {
            numbers[first + byte] +=
              (run < 2 ? 65536 : 256) * (run % 2 == 0 ? -1 : 1) * Int(digits >> (8 * UInt32(byte)) & 255)
          }
        }
      }
      return numbers
    }
  }
  /// How many digits beyond the bytes each row has.
  package var furtherDigits: [Int] { (0..<rows).map { row in large.map { Int($0[row].ends.3) } ?? 0 } }
  /// The step of each group, row by row.
  package var stepSizes: [Float] { (0..<rows * groups).map { steps[$0] } }
}
