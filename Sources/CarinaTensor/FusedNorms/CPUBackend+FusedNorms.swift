import CKernels

/// The operations one by one, a few rows at a time while these are in cache: the digits are those of whole passes.
extension CPUBackend: FusedNormKernels {
  /// See `Backend`.
  package var fusedNorms: (any FusedNormKernels)? { self }

  /// Bytes of a few rows' numbers between two operations.
  private static let blockByteCount = 1 << 15

  /// Rows of `width` that are taken at a time.
  private static func blockRows(_ width: Int) -> Int { max(1, blockByteCount / (4 * max(width, 1))) }

  /// Calls `body` with runs of a range, and with room for the numbers of one.
  private func inBlocks(
    _ range: Range<Int>, width: Int, _ body: (Range<Int>, UnsafeMutablePointer<Float>) -> Void
  ) {
    let most = CPUBackend.blockRows(width)
    let buffer = PooledBuffer(most * width * 4, from: pool)
    for first in stride(from: range.lowerBound, to: range.upperBound, by: most) {
      body(first..<min(range.upperBound, first + most), buffer.pointer.assumingMemoryBound(to: Float.self))
    }
    withExtendedLifetime(buffer) {}
  }

  /// See `FusedNormKernels`.
  package func addRMSNorm(
    _ x: Tensor, _ branch: Tensor, branchGain: Tensor?, gain: Tensor, epsilon: Float, sum: Tensor, out: Tensor,
    branchInverses: Tensor?, inverses: Tensor
  ) {
    let width = gain.count
    RowSplit.run(inverses.count, grain: RowSplit.grain(width: width)) { range in
      inBlocks(range, width: width) { rows, normed in
        let first = rows.lowerBound, skip = first * width, count = Int64(rows.count)
        if let branchGain, let branchInverses {
          carina_rms_norm_forward(
            branch.floats + skip, branchGain.floats, epsilon, normed, branchInverses.floats + first, count,
            Int64(width))
          carina_add(x.floats + skip, normed, sum.floats + skip, count * Int64(width))
        } else {
          carina_add(x.floats + skip, branch.floats + skip, sum.floats + skip, count * Int64(width))
        }
        carina_rms_norm_forward(
          sum.floats + skip, gain.floats, epsilon, out.floats + skip, inverses.floats + first, count, Int64(width))
      }
    }
  }

  /// See `FusedNormKernels`.
  package func addRMSNormBackward(
    sum: Tensor, gain: Tensor, inverses: Tensor, _ dout: Tensor, residual: Tensor, branch: Tensor, branchGain: Tensor,
    branchInverses: Tensor, dx: Tensor, dbranch: Tensor, dgain: Tensor?, dbranchGain: Tensor?, isFresh: Bool
  ) {
    let width = gain.count
    if isFresh { for target in [dgain, dbranchGain] { target.map(fillWithZeros) } }
    RowSplit.reduceColumns(inverses.count, into: [dgain, dbranchGain], width: width, on: self) { range, partial in
      inBlocks(range, width: width) { rows, own in
        let first = rows.lowerBound, skip = first * width, count = Int64(rows.count)
        carina_rms_norm_backward(
          sum.floats + skip, gain.floats, inverses.floats + first, dout.floats + skip, own, partial[0], count,
          Int64(width))
        carina_add(residual.floats + skip, own, dx.floats + skip, count * Int64(width))
        carina_rms_norm_backward(
          branch.floats + skip, branchGain.floats, branchInverses.floats + first, dx.floats + skip,
          dbranch.floats + skip, partial[1], count, Int64(width))
      }
    }
  }

  /// See `FusedNormKernels`.
  package func normRotate(
    _ x: Tensor, gain: Tensor, epsilon: Float, table: RotaryTable, positions: [Int32], into out: Tensor,
    inverses: Tensor
  ) {
    let size = gain.count, rows = positions.count, heads = x.count / max(rows * size, 1), width = heads * size
    positions.withUnsafeBufferPointer { positions in
      guard let positions = positions.baseAddress else { return }
      RowSplit.run(rows, grain: RowSplit.grain(width: width)) { range in
        inBlocks(range, width: width) { rows, normed in
          let first = rows.lowerBound, skip = first * width
          carina_rms_norm_forward(
            x.floats + skip, gain.floats, epsilon, normed, inverses.floats + first * heads, Int64(rows.count * heads),
            Int64(size))
          carina_rotary(
            normed, out.floats + skip, table.cosines, table.sines, positions + first, Int64(rows.count), Int64(heads),
            Int64(size), 1)
        }
      }
    }
  }

  /// See `FusedNormKernels`: runs of heads, which need not begin with a row, are those of `rmsNormBackward`.
  package func normRotateBackward(
    _ x: Tensor, gain: Tensor, inverses: Tensor, table: RotaryTable, positions: [Int32], _ dout: Tensor,
    into dx: Tensor, dgain: Tensor?, isFresh: Bool
  ) {
    let size = gain.count, heads = x.count / max(positions.count * size, 1)
    if isFresh, let dgain { fillWithZeros(dgain) }
    positions.withUnsafeBufferPointer { positions in
      guard let positions = positions.baseAddress else { return }
      RowSplit.reduceColumns(inverses.count, into: [dgain], width: size, on: self) { range, partial in
        inBlocks(range, width: size) { run, turned in
          for head in run {
            carina_rotary(
              dout.floats + head * size, turned + (head - run.lowerBound) * size, table.cosines, table.sines,
              positions + head / heads, 1, 1, Int64(size), -1)
          }
          let first = run.lowerBound, skip = first * size
          carina_rms_norm_backward(
            x.floats + skip, gain.floats, inverses.floats + first, turned, dx.floats + skip, partial[0],
            Int64(run.count), Int64(size))
        }
      }
    }
  }
}
