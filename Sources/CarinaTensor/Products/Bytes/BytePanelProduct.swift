import CKernels
import CarinaRuntime

/// A product of rows in 8 bits with a matrix in 8 bits, a panel of columns at a time: each is met by all rows while it is
/// in the second-level cache; what the next is made of comes there meanwhile.
struct BytePanelProduct {
  /// The rows.
  let left: ByteRows
  /// Columns of the result.
  let width: Int
  /// Of each column; nil for 1.
  let scales: UnsafePointer<Float>?
  /// [width] fp32, and [left.rows, width] fp32.
  let bias: Tensor?, summand: Tensor?
  let byVectors: Bool
  /// What the panels lie in or are made of.
  let matrix: Storage
  let backend: CPUBackend

  /// Columns of a panel.
  static let panelWidth = Int(CARINA_BYTE_PANEL_COLUMNS)

  /// c [left.rows, width] fp32, or bfloat16, to which the sums are then rounded.
  /// - Parameters:
  ///   - weights: what the panel from column `first` on is made of, or itself where it is packed already.
  ///   - panel: the packed panel, perhaps made in the buffer.
  func run(
    into c: Tensor, weights: (_ first: Int, _ count: Int) -> carina_next_weights,
    panel: (_ first: Int, _ count: Int, _ buffer: UnsafeMutablePointer<Int8>) -> UnsafePointer<Int8>
  ) {
    precondition(c.count >= left.rows * width, "[\(left.rows), \(width)] into \(c.shape)")
    let panelWidth = BytePanelProduct.panelWidth, panels = (width + panelWidth - 1) / panelWidth
    guard left.rows > 0, panels > 0 else { return }
    let byteCount = Int(carina_byte_panel_bytes(Int64(left.columns), Int64(left.group)))
    // Where panels are fewer than threads, several pack the same one and take a part of the rows each.
    let threads = ThreadTeam.count
    let parts = panels >= 2 * threads ? 1 : min((2 * threads + panels - 1) / panels, (left.rows + 95) / 96)
    let work = left.rows * left.columns * width, tasks = panels * parts
    let out = c.elementType == .bfloat16 ? nil : c.floats, narrow = c.elementType == .bfloat16 ? c.bfloats : nil
    let bias = bias?.floats, summand = summand?.floats
    RowSplit.run(tasks, grain: max(1, (1 << 19) * tasks / max(work, 1))) { range in
      let buffer = PooledBuffer(byteCount, from: backend.pool)
      var packed: (index: Int, panel: UnsafePointer<Int8>)?
      for task in range {
        let index = task / parts, part = task % parts, first = index * panelWidth
        let count = min(panelWidth, width - first)
        let right: UnsafePointer<Int8>
        if let packed, packed.index == index {
          right = packed.panel
        } else {
          right = panel(first, count, buffer.pointer.assumingMemoryBound(to: Int8.self))
          packed = (index, right)
        }
        let start = left.rows * part / parts, rows = left.rows * (part + 1) / parts - start
        let offset = start * width + first
        let following = (task + 1) / parts, isLast = following == index || task + 1 == range.upperBound
        let skipped = following * panelWidth
        var next = isLast ? carina_next_weights() : weights(skipped, min(panelWidth, width - skipped))
        carina_byte_product(
          left.values + start * left.stride, Int64(left.stride), left.steps + start * left.groupCount,
          left.zeros + start * left.groupCount, left.large.map { UnsafePointer($0 + start) }, Int64(rows),
          Int64(left.columns), Int64(left.group), right,
          Int64(count), scales.map { $0 + first }, bias.map { $0 + first }, summand.map { $0 + offset },
          out.map { $0 + offset }, narrow.map { $0 + offset }, Int64(width), &next, byVectors ? 1 : 0)
      }
      withExtendedLifetime(buffer) {}
    }
    withExtendedLifetime((left, matrix)) {}
  }
}
