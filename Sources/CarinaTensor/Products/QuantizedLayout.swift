/// Where the parts of a matrix [N, K] in 8 bits lie in one run of bytes: N · K whole numbers row by row, then an fp32
/// scale, the 32-bit sum of the whole numbers and the fp32 length of the rounding error of each row, each part at a
/// multiple of 64.
package struct QuantizedLayout: Equatable, Sendable {
  /// What the offsets and the byte count are multiples of.
  package static let alignment = 64

  /// Rows N and columns K.
  package let rows: Int, columns: Int

  /// The layout of a matrix of so many rows and columns.
  package init(rows: Int, columns: Int) {
    self.rows = rows
    self.columns = columns
  }

  /// Where scales, sums and errors begin; the whole numbers begin at 0.
  package var scales: Int { QuantizedLayout.aligned(rows * columns) }
  package var sums: Int { scales + QuantizedLayout.aligned(4 * rows) }
  package var errors: Int { sums + QuantizedLayout.aligned(4 * rows) }
  /// Bytes of all parts.
  package var byteCount: Int { max(QuantizedLayout.alignment, errors + QuantizedLayout.aligned(4 * rows)) }

  /// Writes zeros between the parts, so that equal matrices have equal bytes.
  func clearGaps(at start: UnsafeMutableRawPointer) {
    let ends = [rows * columns, scales + 4 * rows, sums + 4 * rows, errors + 4 * rows]
    for end in ends {
      let gap = min(byteCount, QuantizedLayout.aligned(end)) - end
      if gap > 0 { (start + end).initializeMemory(as: UInt8.self, repeating: 0, count: gap) }
    }
  }

  private static func aligned(_ count: Int) -> Int { (count + alignment - 1) / alignment * alignment }
}
