import CKernels
import CarinaRuntime

/// bfloat16 products by the tile registers of the processor (AMX); fp32 ones are another provider's.
///
/// A row of the result has the same bits whatever rows stand beside it and however many threads work, which a library
/// that takes tile registers for some numbers of rows and vectors for others does not give.
package final class AMXProduct: MatrixProductProvider, Sendable {
  private let others: OneDNNProduct
  private let pool: MemoryPool

  /// Rows of the left factor that are packed at a time: a large factor is never there twice as a whole.
  private static let mostRows = 1024
  private static let panelWidth = Int(CARINA_AMX_COLUMNS), stripRows = Int(CARINA_AMX_ROWS)
  /// Multiplications that are worth a thread.
  private static let threadWork = 1 << 19

  /// Whether the processor has tile registers and the system lets the process use them.
  package static let isAvailable = carina_has_amx() != 0

  /// Nil where they are not available.
  package init?(others: OneDNNProduct, pool: MemoryPool) {
    guard AMXProduct.isAvailable else { return nil }
    self.others = others
    self.pool = pool
  }

  /// Name, and that of the other provider.
  package var name: String { "AMX tiles and \(others.name)" }

  /// It has.
  package var packsFactors: Bool { true }

  /// See `MatrixProductProvider`.
  package func settle(_ isSettled: Bool) { others.settle(isSettled) }

  /// See `MatrixProductProvider`.
  package func multiply(
    _ a: MatrixOperand, _ b: MatrixOperand, into c: UnsafeMutablePointer<Float>, cStride: Int, accumulate: Bool
  ) {
    guard a.elementType == .bfloat16 else {
      return others.multiply(a, b, into: c, cStride: cStride, accumulate: accumulate)
    }
    let target = Target(pointer: UnsafeMutableRawPointer(c), stride: cStride, accumulates: accumulate)
    multiply(a, columns: b.columns, into: target) { first, memory in packed(b, first, memory) }
    withExtendedLifetime(b) {}
  }

  /// See `MatrixProductProvider`.
  package func multiply(
    _ a: MatrixOperand, _ b: MatrixOperand, into c: UnsafeMutableRawPointer, epilogue: ProductEpilogue
  ) -> Bool {
    guard a.elementType == .bfloat16 else { return others.multiply(a, b, into: c, epilogue: epilogue) }
    multiply(a, columns: b.columns, into: Target(pointer: c, stride: b.columns, epilogue: epilogue)) { first, memory in
      packed(b, first, memory)
    }
    withExtendedLifetime(b) {}
    return true
  }

  /// See `MatrixProductProvider`.
  package func pack(_ b: MatrixOperand) -> (any PackedFactor)? {
    guard b.elementType == .bfloat16 else { return others.pack(b) }
    let panels = (b.columns + AMXProduct.panelWidth - 1) / AMXProduct.panelWidth
    let count = Int(carina_amx_panel_count(Int64(b.rows)))
    let storage = PooledBuffer(panels * count * 2, from: pool)
    let numbers = storage.pointer.assumingMemoryBound(to: UInt16.self)
    RowSplit.run(panels, grain: 1) { range in
      for panel in range { _ = packed(b, panel * AMXProduct.panelWidth, numbers + panel * count) }
    }
    withExtendedLifetime(b) {}
    return AMXPackedFactor(product: self, rows: b.rows, columns: b.columns, storage: storage)
  }

  /// The panel of columns `first` on, in `memory`.
  private func packed(
    _ b: MatrixOperand, _ first: Int, _ memory: UnsafeMutablePointer<UInt16>
  ) -> UnsafePointer<UInt16> {
    let numbers = b.pointer.assumingMemoryBound(to: UInt16.self)
    carina_amx_pack_panel(
      numbers + first * b.columnDistance, Int64(b.rowDistance), Int64(b.columnDistance), Int64(b.rows),
      Int64(min(AMXProduct.panelWidth, b.columns - first)), memory)
    return UnsafePointer(memory)
  }

  /// Where a product goes and what is done to it before.
  struct Target {
    let pointer: UnsafeMutableRawPointer
    let stride: Int
    var accumulates = false
    var epilogue = ProductEpilogue()

    /// The result from a row and a column on.
    fileprivate func result(row: Int, column: Int, columns: Int) -> carina_amx_result {
      let offset = row * stride + column
      return carina_amx_result(
        c: pointer + offset * epilogue.elementType.byteCount, stride: Int64(stride), columns: Int64(columns),
        is_narrow: epilogue.elementType == .bfloat16 ? 1 : 0, accumulates: accumulates ? 1 : 0,
        bias: epilogue.bias.map { UnsafePointer($0.floats + column) },
        activation: epilogue.activation?.code ?? -1, other: epilogue.other.map { UnsafePointer($0.floats + offset) },
        other_multiplies: epilogue.otherMultiplies ? 1 : 0)
    }
  }

  /// c [a.rows, columns] = a b with a panel of b at a time, which `panel` packs into the memory it is given or has.
  func multiply(
    _ a: MatrixOperand, columns: Int, into target: Target,
    panel: (_ first: Int, _ memory: UnsafeMutablePointer<UInt16>) -> UnsafePointer<UInt16>
  ) {
    for first in stride(from: 0, to: a.rows, by: AMXProduct.mostRows) {
      multiplyRows(a, first..<min(a.rows, first + AMXProduct.mostRows), columns: columns, into: target, panel: panel)
    }
    withExtendedLifetime((a, target)) {}
  }

  private func multiplyRows(
    _ a: MatrixOperand, _ rows: Range<Int>, columns: Int, into target: Target,
    panel: (_ first: Int, _ memory: UnsafeMutablePointer<UInt16>) -> UnsafePointer<UInt16>
  ) {
    let length = a.columns, width = AMXProduct.panelWidth, strip = AMXProduct.stripRows
    let strips = (rows.count + strip - 1) / strip, panels = (columns + width - 1) / width
    let leftBuffer = PooledBuffer(Int(carina_amx_left_count(Int64(rows.count), Int64(length))) * 2, from: pool)
    let left = leftBuffer.pointer.assumingMemoryBound(to: UInt16.self)
    let source = a.pointer.assumingMemoryBound(to: UInt16.self) + rows.lowerBound * a.rowDistance
    RowSplit.run(strips, grain: max(1, (1 << 15) / max(strip * length, 1))) { range in
      carina_amx_pack_left(
        source, Int64(a.rowDistance), Int64(a.columnDistance), Int64(rows.count), Int64(length),
        Int64(range.lowerBound), Int64(range.upperBound), left)
    }
    // Where panels are fewer than threads, several pack the same one and take a part of the rows each.
    let threads = ThreadTeam.count
    let parts = panels >= 2 * threads ? 1 : min((2 * threads + panels - 1) / panels, strips)
    let tasks = panels * parts, work = rows.count * length * columns
    let panelCount = Int(carina_amx_panel_count(Int64(length)))
    let memoryCount = Int(carina_amx_memory_count(Int64(rows.count)))
    RowSplit.run(tasks, grain: max(1, AMXProduct.threadWork * tasks / max(work, 1))) { range in
      let buffer = PooledBuffer(memoryCount * 4 + panelCount * 2, from: pool)
      let memory = buffer.pointer.assumingMemoryBound(to: Float.self)
      let room = (buffer.pointer + memoryCount * 4).assumingMemoryBound(to: UInt16.self)
      var known: (index: Int, panel: UnsafePointer<UInt16>)?
      for task in range {
        let index = task / parts, part = task % parts, column = index * width
        let right: UnsafePointer<UInt16>
        if let known, known.index == index {
          right = known.panel
        } else {
          right = panel(column, room)
          known = (index, right)
        }
        let lower = strips * part / parts * strip, upper = min(rows.count, strips * (part + 1) / parts * strip)
        carina_amx_product(
          left + Int(carina_amx_left_count(Int64(lower), Int64(length))), Int64(upper - lower), Int64(length), right,
          target.result(row: rows.lowerBound + lower, column: column, columns: min(width, columns - column)), memory)
      }
      withExtendedLifetime(buffer) {}
    }
    withExtendedLifetime(leftBuffer) {}
  }
}
