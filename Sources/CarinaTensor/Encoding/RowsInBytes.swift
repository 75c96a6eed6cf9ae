import CKernels

/// A few rows in 8 bits in memory that rows of other widths use afterwards; see `ByteRows`, whose digits they have.
struct RowsInBytes {
  private let values: UnsafeMutablePointer<UInt8>
  private let steps: UnsafeMutablePointer<Float>, zeros: UnsafeMutablePointer<Int32>
  private let large: UnsafeMutablePointer<carina_large_numbers>
  private let rounding: ByteRounding
  private let vectors: Int32 = ByteRows.hasVectors ? 1 : 0
  /// Numbers of a row, bytes from one row to the next, and groups of a row.
  private var width = 0, stride = 0, groups = 1

  /// Bytes for so many rows of at most `width` numbers.
  static func byteCount(rows: Int, width: Int, _ rounding: ByteRounding) -> Int {
    let groups = (width + rounding.forward - 1) / rounding.forward
    return rows * (ByteRows.stride(width) + 8 * groups + MemoryLayout<carina_large_numbers>.stride)
  }

  /// Rows in that memory.
  init(_ memory: UnsafeMutableRawPointer, rows: Int, width: Int, _ rounding: ByteRounding) {
    let groups = (width + rounding.forward - 1) / rounding.forward
    self.rounding = rounding
    values = memory.assumingMemoryBound(to: UInt8.self)
    let behind = memory + rows * ByteRows.stride(width)
    steps = behind.assumingMemoryBound(to: Float.self)
    zeros = (behind + 4 * rows * groups).assumingMemoryBound(to: Int32.self)
    large = (behind + 8 * rows * groups).assumingMemoryBound(to: carina_large_numbers.self)
  }

  /// Begins with rows of another width.
  mutating func begin(width: Int) {
    self.width = width
    stride = ByteRows.stride(width)
    groups = (width + rounding.forward - 1) / rounding.forward
  }

  private var widened: UnsafeMutablePointer<carina_large_numbers>? {
    rounding.widensLarge && groups == 1 ? large : nil
  }

  /// Rounds `count` rows of x, densely stored, which become those from `first` on.
  func round(_ x: UnsafePointer<Float>, first: Int = 0, count: Int = 1, for map: PackedMap) {
    carina_round_to_bytes(
      x, map.panels.columnFactors?.floats, Int64(count), Int64(width), Int64(rounding.forward), values + first * stride,
      Int64(stride), steps + first * groups, zeros + first * groups, widened.map { $0 + first }, vectors)
  }

  /// out [count, N] = rows Wᵀ + bias + summand, rows of both `outStride` numbers apart; the first panel of the map that
  /// follows comes near meanwhile.
  func multiply(
    _ map: PackedMap, count: Int, summand: UnsafePointer<Float>? = nil, into out: UnsafeMutablePointer<Float>,
    stride outStride: Int, before following: PackedMap?
  ) {
    let panels = map.panels, panelWidth = BytePanelProduct.panelWidth
    for index in 0..<panels.panelCount {
      let first = index * panelWidth
      var next =
        index + 1 < panels.panelCount
        ? panels.next(index + 1)
        : following?.panels.next(0)
          ?? carina_next_weights()
      carina_byte_product(
        values, Int64(stride), steps, zeros, widened.map { UnsafePointer($0) }, Int64(count), Int64(width),
        Int64(rounding.forward), panels.panel(index), Int64(min(panelWidth, panels.rows - first)),
        panels.scales + first, map.bias.map { UnsafePointer($0.floats + first) }, summand.map { $0 + first },
        out + first, nil, Int64(outStride), &next, vectors)
    }
  }
}

/// A map of which the matrix is packed in bytes.
struct PackedMap {
  let panels: BytePanels
  /// [N] fp32.
  let bias: Tensor?

  /// Nil for another matrix.
  init?(_ map: EncoderBlockWeights.Map) {
    guard let panels = map.weight.bytes as? BytePanels else { return nil }
    self.panels = panels
    bias = map.bias?.value.converted(to: .float32)
  }
}
