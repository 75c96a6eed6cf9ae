/// Products with the output head [V, D]: the one large matrix that is in no block, and of which a step with images reads
/// but a few rows besides.
package protocol OutputHeadKernels: MatrixKernels {
  /// logits [R, V] fp32 = hidden [R, D] · headᵀ.
  func logits(of hidden: Tensor, head: Tensor, into logits: Tensor)
  /// dhidden [R, D] = dlogits [R, V] · head.
  func hiddenGradient(ofLogits dlogits: Tensor, head: Tensor, into dhidden: Tensor)
}

extension OutputHeadKernels {
  /// One product.
  package func logits(of hidden: Tensor, head: Tensor, into logits: Tensor) {
    multiply(MatrixFactor(hidden), MatrixFactor(head).transposed, into: logits, accumulate: false)
  }

  /// One product.
  package func hiddenGradient(ofLogits dlogits: Tensor, head: Tensor, into dhidden: Tensor) {
    multiply(MatrixFactor(dlogits), MatrixFactor(head), into: dhidden, accumulate: false)
  }
}

extension CPUBackend: OutputHeadKernels {
  /// The most bytes of a mapped head that are resident at once: the loss is where a step has its highest memory, and a
  /// head of 262,144 tokens would add over a gigabyte to it.
  package static let residentHeadByteCount = 64 << 20
  /// Heads up to this size are read in one product.
  package static let wholeHeadByteCount = 256 << 20

  /// How many rows of a head are read at once; nil for all.
  /// - Parameter isMapped: whether it lies in a mapped file, whose pages can be given back.
  package static func residentHeadRows(byteCount: Int, rows: Int, isMapped: Bool) -> Int? {
    guard isMapped, byteCount > wholeHeadByteCount, rows > 0 else { return nil }
    // Whole tiles of the product.
    return max(64, residentHeadByteCount / (byteCount / rows) / 64 * 64)
  }

  private func forPieces(of head: Tensor, _ count: Int?, _ body: (Tensor, Range<Int>) -> Void) {
    for first in stride(from: 0, to: head.rows, by: count ?? max(head.rows, 1)) {
      let piece = first..<min(head.rows, first + (count ?? head.rows)), rows = head.rowSlice(piece)
      body(rows, piece)
      if count != nil {
        head.storage.releaseResidentPages(rows.byteOffset..<rows.byteOffset + rows.byteCount)
      }
    }
  }

  private func rowsAtOnce(_ head: Tensor) -> Int? {
    CPUBackend.residentHeadRows(byteCount: head.byteCount, rows: head.rows, isMapped: head.storage.isBorrowed)
  }

  /// See `OutputHeadKernels`.
  package func logits(of hidden: Tensor, head: Tensor, into logits: Tensor) {
    self.logits(of: hidden, head: head, rowsAtOnce: rowsAtOnce(head), into: logits)
  }

  /// The same with so many rows of the head read at once, whose pages are then given back; nil for all.
  package func logits(of hidden: Tensor, head: Tensor, rowsAtOnce: Int?, into logits: Tensor) {
    let left = MatrixOperand(MatrixFactor(hidden))
    forPieces(of: head, rowsAtOnce) { rows, piece in
      multiply(
        left, MatrixOperand(MatrixFactor(rows)).transposed, into: logits.floats + piece.lowerBound,
        cStride: head.rows, accumulate: false)
    }
  }

  /// See `OutputHeadKernels`.
  package func hiddenGradient(ofLogits dlogits: Tensor, head: Tensor, into dhidden: Tensor) {
    hiddenGradient(ofLogits: dlogits, head: head, rowsAtOnce: rowsAtOnce(head), into: dhidden)
  }

  /// The same with so many rows of the head read at once.
  package func hiddenGradient(ofLogits dlogits: Tensor, head: Tensor, rowsAtOnce: Int?, into dhidden: Tensor) {
    let left = MatrixOperand(MatrixFactor(dlogits))
    forPieces(of: head, rowsAtOnce) { rows, piece in
      multiply(
        left.columnRange(piece), MatrixOperand(MatrixFactor(rows)), into: dhidden.floats,
        accumulate: piece.lowerBound > 0)
    }
  }
}
