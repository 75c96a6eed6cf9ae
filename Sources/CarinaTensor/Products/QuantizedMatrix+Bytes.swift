import CKernels
import CarinaRuntime

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
    multiply(x, width: rows, scales: scales, bias: bias, summand: summand, byVectors, into: c) { first, count in
      carina_next_weights(
        weights: values + first * columns, stride: Int64(columns), rows: Int64(count), bytes: Int64(columns))
    } pack: { weights, count, panel in
      carina_pack_byte_rows(
        weights, Int64(columns), Int64(count), Int64(columns), Int64(x.group), panel, byVectors ? 1 : 0)
    }
  }

  /// See `QuantizedFactor`.
  package var rowFactors: Tensor { Tensor(shape: [rows], storage: storage, byteOffset: scaleOffset) }

  /// See `QuantizedFactor`.
  package func gradientRows(_ gradient: Tensor) -> ByteRows { gradientRows(gradient, byVectors: ByteRows.hasVectors) }

  private func gradientRows(_ gradient: Tensor, byVectors: Bool) -> ByteRows {
    precondition(gradient.width == rows, "gradients of \(gradient.width) meet weights of \(rows) rows")
    // The sums go over the rows of W, whose scales therefore belong to the gradient.
    return ByteRows(
      gradient, factors: scales, group: backend.byteRounding.backward, widensLarge: backend.byteRounding.widensLarge,
      byVectors: byVectors, on: backend)
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
    multiply(
      gradient, width: columns, scales: columnFactors?.floats, bias: nil, summand: adds ? dx : nil, byVectors, into: dx
    ) { first, count in
      carina_next_weights(weights: values + first, stride: Int64(columns), rows: Int64(rows), bytes: Int64(count))
    } pack: { weights, count, panel in
      carina_pack_byte_columns(
        weights, Int64(columns), Int64(count), Int64(rows), Int64(gradient.group), panel, byVectors ? 1 : 0)
    }
  }

  /// c [left.rows, width], a panel of columns at a time: each is packed once and met by all rows, while it is in the
  /// second-level cache; the weights of the next come there meanwhile.
  private func multiply(
    _ left: ByteRows, width: Int, scales: UnsafePointer<Float>?, bias: Tensor?, summand: Tensor?, _ byVectors: Bool,
    into c: Tensor, weights: (_ first: Int, _ count: Int) -> carina_next_weights,
    pack: (UnsafePointer<Int8>, _ count: Int, UnsafeMutablePointer<Int8>) -> Void
  ) {
    precondition(c.count >= left.rows * width, "[\(left.rows), \(width)] into \(c.shape)")
    let panelWidth = Int(CARINA_BYTE_PANEL_COLUMNS), panels = (width + panelWidth - 1) / panelWidth
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
      let panel = buffer.pointer.assumingMemoryBound(to: Int8.self)
      var packed = -1
      for task in range {
        let index = task / parts, part = task % parts, first = index * panelWidth
        let count = min(panelWidth, width - first)
        if packed != index { pack(weights(first, count).weights, count, panel) }
        packed = index
        let start = left.rows * part / parts, rows = left.rows * (part + 1) / parts - start
        let offset = start * width + first
        let following = (task + 1) / parts, isLast = following == index || task + 1 == range.upperBound
        let skipped = following * panelWidth
        var next = isLast ? carina_next_weights() : weights(skipped, min(panelWidth, width - skipped))
        carina_byte_product(
          left.values + start * left.stride, Int64(left.stride), left.steps + start * left.groupCount,
          left.zeros + start * left.groupCount, left.large.map { UnsafePointer($0 + start) }, Int64(rows),
          Int64(left.columns), Int64(left.group), panel,
          Int64(count), scales.map { $0 + first }, bias.map { $0 + first }, summand.map { $0 + offset },
          out.map { $0 + offset }, narrow.map { $0 + offset }, Int64(width), &next, byVectors ? 1 : 0)
      }
      withExtendedLifetime(buffer) {}
    }
    withExtendedLifetime((left, storage)) {}
  }

  /// The matrix as whole numbers, row by row, and the scale of each row.
  package var wholeNumbers: [Int] { (0..<rows * columns).map { Int(values[$0]) } }
  package var rowScales: [Float] { (0..<rows).map { scales[$0] } }
}
