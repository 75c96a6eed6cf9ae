import CKernels

/// Rotates each head of x by its row's position, rotate-half form (the two halves of a head are the pairs).
///
/// - Parameters:
///   - x: [R, H·E] fp32.
///   - positions: one a row, each below the table's count.
/// - Returns: [R, H·E].
package func rotaryEmbedding(_ x: Tensor, table: RotaryTable, positions: [Int32], tape: Tape?) -> Tensor {
  let rows = positions.count, size = table.headSize
  let heads = x.count / max(rows * size, 1)
  precondition(heads * rows * size == x.count, "\(x.shape) is not \(rows) rows of heads of \(size)")
  precondition((positions.max() ?? 0) < table.positionCount, "a position is beyond the table's \(table.positionCount)")

  let backend = x.backend, shape = x.shape, type = x.elementType
  func rotate(_ source: Tensor, direction: Float, as type: ElementType) -> Tensor {
    let target = Tensor(uninitialized: shape, elementType: type, on: backend)
    backend.rotate(source, table: table, positions: positions, direction: direction, into: target)
    return target
  }

  let out = rotate(x, direction: 1, as: backend.activations)
  guard let tape, let xNode = x.node else { return out }
  return tape.record(out) { dout in xNode.accumulate(rotate(dout, direction: -1, as: type), isFresh: true) }
}

/// The rotary embedding.
package protocol RotaryKernels {
  /// target = heads of source [R, H·E], each rotated by its row's position; by `direction` −1 backwards.
  func rotate(_ source: Tensor, table: RotaryTable, positions: [Int32], direction: Float, into target: Tensor)
}

extension CPUBackend: RotaryKernels {
  /// See `RotaryKernels`.
  package func rotate(
    _ source: Tensor, table: RotaryTable, positions: [Int32], direction: Float, into target: Tensor
  ) {
    let rows = positions.count, size = table.headSize, heads = source.count / max(rows * size, 1)
    positions.withUnsafeBufferPointer { positions in
      guard let first = positions.baseAddress else { return }
      RowSplit.run(rows, grain: RowSplit.grain(width: heads * size)) { range in
        let skip = range.lowerBound * heads * size
        carina_rotary(
          source.floats + skip, target.floats + skip, table.cosines, table.sines, first + range.lowerBound,
          Int64(range.count), Int64(heads), Int64(size), direction)
      }
    }
  }
}
