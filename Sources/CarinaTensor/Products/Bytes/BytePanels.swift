import CKernels
import CarinaRuntime

/// A weight matrix [N, K] in 8 bits with one scale a row, that lies as products of bytes with its rows read it, and in no
/// other form: panels of 64 rows, then the scales. Nothing is packed for such a product.
package final class BytePanels: QuantizedFactor {
  /// Rows N and columns K.
  package let rows: Int, columns: Int
  /// See `QuantizedFactor`; its bytes are in panels.
  package let storage: Storage
  /// See `QuantizedFactor`.
  package let columnFactors: Tensor?
  /// Numbers of a row of the left factor that share a step.
  let group: Int
  /// Bytes of a panel, and how many panels there are.
  let panelByteCount: Int, panelCount: Int
  private let backend: CPUBackend

  /// Packs a matrix.
  package init(_ matrix: QuantizedMatrix, byVectors: Bool = ByteRows.hasVectors) {
    backend = matrix.backend
    rows = matrix.rows
    columns = matrix.columns
    columnFactors = matrix.columnFactors
    group = backend.byteRounding.forward
    panelByteCount = Int(carina_byte_panel_bytes(Int64(columns), Int64(group)))
    let width = BytePanelProduct.panelWidth
    panelCount = (rows + width - 1) / width
    storage = Storage(
      byteCount: BytePanels.byteCount(rows: rows, columns: columns, backend.byteRounding), on: backend)
    scales.update(from: matrix.scales, count: rows)
    ThreadTeam.run(taskCount: panelCount) { index in
      let first = index * width
      carina_pack_byte_rows(
        matrix.values + first * columns, Int64(columns), Int64(min(width, rows - first)), Int64(columns), Int64(group),
        UnsafeMutablePointer(mutating: panel(index)), byVectors ? 1 : 0)
    }
    withExtendedLifetime(matrix) {}
  }

  /// Bytes of a matrix in panels.
  package static func byteCount(rows: Int, columns: Int, _ rounding: ByteRounding) -> Int {
    let width = BytePanelProduct.panelWidth
    return (rows + width - 1) / width * Int(carina_byte_panel_bytes(Int64(columns), Int64(rounding.forward))) + 4 * rows
      + 64
  }

  /// The panel of rows 64 · `index` and those that follow.
  func panel(_ index: Int) -> UnsafePointer<Int8> {
    UnsafePointer((storage.address + index * panelByteCount).assumingMemoryBound(to: Int8.self))
  }

  /// The scale of each row.
  var scales: UnsafeMutablePointer<Float> {
    (storage.address + panelCount * panelByteCount).assumingMemoryBound(to: Float.self)
  }

  /// The panel as a product asks for it while another is multiplied; nothing behind the last.
  func next(_ index: Int) -> carina_next_weights {
    guard index < panelCount else { return carina_next_weights() }
    return carina_next_weights(weights: panel(index), stride: 0, rows: 1, bytes: Int64(panelByteCount))
  }

  /// Bytes that it takes.
  package var byteCount: Int { storage.byteCount + (columnFactors == nil ? 0 : 4 * columns) }

  /// See `QuantizedFactor`.
  package func product(_ x: Tensor) -> Tensor {
    let out = Tensor(uninitialized: [x.rows, rows], on: backend)
    multiply(backend.byteRows(x, activation: nil, factors: columnFactors), bias: nil, summand: nil, into: out)
    return out
  }

  /// See `QuantizedFactor`.
  package func multiply(_ x: ByteRows, bias: Tensor?, summand: Tensor?, into c: Tensor) {
    multiply(x, bias: bias, summand: summand, byVectors: ByteRows.hasVectors, into: c)
  }

  /// The same.
  /// - Parameter byVectors: whether the processor's products of bytes are used; never where it has none.
  package func multiply(_ x: ByteRows, bias: Tensor?, summand: Tensor?, byVectors: Bool, into c: Tensor) {
    precondition(x.columns == columns && x.group == group, "rows of \(x.columns) meet weights of \(columns)")
    let width = BytePanelProduct.panelWidth
    BytePanelProduct(
      left: x, width: rows, scales: scales, bias: bias, summand: summand, byVectors: byVectors, matrix: storage,
      backend: backend
    ).run(into: c) { first, _ in
      next(first / width)
    } panel: { first, _, _ in
      panel(first / width)
    }
  }

  /// See `QuantizedFactor`.
  package var rowFactors: Tensor {
    Tensor(shape: [rows], storage: storage, byteOffset: panelCount * panelByteCount)
  }

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

  /// The panels are turned one by one.
  private func multiplyBack(_ gradient: ByteRows, adds: Bool, byVectors: Bool, into dx: Tensor) {
    precondition(gradient.columns == rows, "gradients of \(gradient.columns) meet weights of \(rows) rows")
    BytePanelProduct(
      left: gradient, width: columns, scales: columnFactors?.floats, bias: nil, summand: adds ? dx : nil,
      byVectors: byVectors, matrix: storage, backend: backend
    ).run(into: dx) { [group, panelByteCount, panelCount] first, count in
      // Numbers of so many columns stand side by side in each panel of rows.
      carina_next_weights(
        weights: panel(0) + (first / 4 + first / group + 1) * 256, stride: Int64(panelByteCount),
        rows: Int64(panelCount), bytes: Int64(count * 64))
    } panel: { [rows, columns, group] first, _, buffer in
      carina_pack_packed_bytes(
        panel(0), Int64(columns), Int64(group), Int64(first), Int64(rows), Int64(gradient.group), buffer,
        byVectors ? 1 : 0)
      return UnsafePointer(buffer)
    }
  }

  /// Every row: with no others to compare, each could have the largest product.
  package func candidates(_ x: Tensor, products: Tensor, row: Int) -> [Int] { Array(0..<rows) }
}
