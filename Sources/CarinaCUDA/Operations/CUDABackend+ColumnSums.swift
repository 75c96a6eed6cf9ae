import CarinaTensor

extension CUDABackend {
  /// Adds the sums of the rows of partials to targets [W], one or two: partials [targets.count · rows, W], those of the
  /// first target first.
  /// - Parameter isFresh: whether nothing stands in the targets yet, so that they are written.
  func addPartialRows(_ partials: Tensor, to targets: [Tensor], rows: Int, isFresh: Bool = false) {
    guard let first = targets.first else { return }
    let width = first.count
    launch(
      KernelName("elementwise", "add_partial_rows"), grid: LaunchGrid((width + 31) / 32, targets.count), threads: 1024,
      [
        .tensor(partials), .tensor(first), .optional(targets.dropFirst().first), .int32(rows), .int32(width),
        .int32(isFresh ? 1 : 0),
      ])
  }

  /// See `MatrixKernels`; target may be bfloat16 too.
  package func addBias(_ bias: Tensor, to target: Tensor) {
    let (grid, threads) = LaunchGrid.rowRuns(rows: target.rows, width: target.width, [target])
    launch(
      kernel("elementwise", "add_bias", target), grid: grid, threads: threads,
      [.tensor(bias), .tensor(target), .int64(target.rows), .int64(target.width)])
  }

  /// See `MatrixKernels`.
  package func addColumnSums(_ x: Tensor, to target: Tensor) { addColumnSums(x, to: target, isFresh: false) }

  /// See `MatrixKernels`: pieces of the rows first, then the sums of the pieces; x may be bfloat16 too.
  package func addColumnSums(_ x: Tensor, to target: Tensor, isFresh: Bool) {
    let width = x.width, rows = x.rows
    guard rows > 0, width > 0 else {
      if isFresh { fillWithZeros(target) }
      return
    }
    let columns = 32 * LaunchGrid.runLength([x]), tiles = (width + columns - 1) / columns
    // About four blocks for each of a large card's multiprocessors, and whatever the card the same order.
    let pieces = max(1, min(528 / tiles, (rows + 31) / 32))
    let partials = Tensor(uninitialized: [pieces, width], on: self)
    launch(
      kernel("elementwise", "sum_columns", x), grid: LaunchGrid(tiles, pieces), threads: 256,
      [.tensor(x), .tensor(partials), .int64(rows), .int32(width)])
    addPartialRows(partials, to: [target], rows: pieces, isFresh: isFresh)
  }
}
