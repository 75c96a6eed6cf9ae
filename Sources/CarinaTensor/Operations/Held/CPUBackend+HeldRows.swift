import CKernels
import CarinaRuntime

extension CPUBackend {
  /// out = gelu(x) in bfloat16.
  func roundedGELU(_ x: Tensor, _ kind: GELUKind, into out: Tensor) {
    RowSplit.run(x.count, grain: 1 << 13) { range in
      carina_gelu_rounded(x.floats + range.lowerBound, out.bfloats + range.lowerBound, Int64(range.count), kind.code)
    }
  }

  /// A gradient [R, N] in bfloat16, as it is and transposed [N, R], and its column sums added to [N]; nil for what is
  /// not wanted. The sums come in an order that depends on R alone.
  /// - Parameter x: where it is given, the gradient is of gelu(x), and that of x is what is meant.
  func roundBothWays(
    _ gradient: Tensor, slopesOf x: Tensor?, _ kind: GELUKind?, into rounded: Tensor?, transposed: Tensor?,
    sums: Tensor?
  ) {
    let rows = gradient.rows, width = gradient.width
    // Whole tiles of 32 rows.
    let runLength = max(64, ((rows + 31) / 32 + 31) / 32 * 32), runs = (rows + runLength - 1) / runLength
    guard runs > 0 else { return }
    let partial = sums.map { _ in Tensor(zeros: [runs, width], on: self) }
    ThreadTeam.run(taskCount: runs) { run in
      let first = run * runLength, skip = first * width
      carina_round_both_ways(
        gradient.floats + skip, x.map { $0.floats + skip }, kind?.code ?? 0, Int64(min(runLength, rows - first)),
        Int64(width), rounded.map { $0.bfloats + skip }, transposed.map { $0.bfloats + first }, Int64(rows),
        partial.map { $0.floats + run * width })
    }
    guard let partial, let sums else { return }
    for run in 0..<runs { add(sums, partial.elementSlice(run * width..<(run + 1) * width), into: sums) }
  }
}
