import CarinaTensor

extension CUDABackend: RowKernels {
  /// See `RowKernels`; each tensor may be fp32 or bfloat16.
  package func copyRows(of source: Tensor, _ sourceRows: [Int], to target: Tensor, _ targetRows: [Int]) {
    let count = min(sourceRows.count, targetRows.count), width = target.width
    let (grid, threads) = LaunchGrid.rowRuns(rows: count, width: width, [source, target])
    let (sources, targets) = (numbers(sourceRows), numbers(targetRows))
    launch(
      kernel("rows", "copy_rows", source, target), grid: grid, threads: threads,
      [
        .tensor(source), .optional(sources.tensor), .int64(sources.first), .tensor(target), .optional(targets.tensor),
        .int64(targets.first), .int64(count), .int64(width),
      ])
  }

  /// See `RowKernels`; each tensor may be fp32 or bfloat16. Of bfloat16 targets a row's sum is rounded once.
  package func addRows(of source: Tensor, scale: Float, to target: Tensor, _ rows: [Int]) {
    let width = target.width
    guard !rows.isEmpty, width > 0 else { return }
    if let first = RowRuns.firstOfSequence(rows) {
      let own = target.rowSlice(first..<first + rows.count)
      return launch(
        kernel("rows", "add_scaled", source, target), grid: .runs(own.count, [source, target]),
        threads: LaunchGrid.threads, [.tensor(source), .float(scale), .tensor(own), .int64(own.count)])
    }
    let (numbers, count) = runsOnCard(rows)
    func part(_ first: Int, _ length: Int) -> Tensor { numbers.elementSlice(8 * first..<8 * (first + length)) }
    let (grid, threads) = LaunchGrid.rowRuns(rows: count, width: width, [source, target])
    launch(
      kernel("rows", "add_rows", source, target), grid: grid, threads: threads,
      [
        .tensor(source), .float(scale), .tensor(target), .tensor(part(0, count)), .tensor(part(count, count + 1)),
        .tensor(part(2 * count + 1, rows.count)), .int64(count), .int64(width),
      ])
  }

  /// Row numbers for a kernel: none but the first where they follow one another.
  func numbers(_ rows: [Int]) -> (tensor: Tensor?, first: Int) {
    if let first = RowRuns.firstOfSequence(rows) { return (nil, first) }
    return (arrayOnCard(rows), 0)
  }
}

extension CUDABackend: EmbeddingKernels {
  /// See `EmbeddingKernels`; out may be bfloat16 too.
  package func embedding(_ ids: [Int], _ table: Tensor, scale: Float, into out: Tensor) {
    let (grid, threads) = LaunchGrid.rowRuns(rows: ids.count, width: table.width, [table, out])
    let rows = numbers(ids)
    launch(
      kernel("rows", "embedding", table, out), grid: grid, threads: threads,
      [
        .tensor(table), .optional(rows.tensor), .int64(rows.first), .float(scale), .tensor(out), .int64(ids.count),
        .int64(table.width),
      ])
  }
}

extension CUDABackend: PatchKernels {
  /// See `PatchKernels`; images and out may each be fp32 or bfloat16.
  package func extractPatches(
    _ images: Tensor, count: Int, channels: Int, size: Int, patchSize: Int, into out: Tensor
  ) {
    let rows = count * (size / patchSize) * (size / patchSize)
    launch(
      kernel("rows", "patches", images, out), grid: LaunchGrid(min(rows, Int(Int32.max))), threads: LaunchGrid.threads,
      [.tensor(images), .tensor(out), .int64(rows), .int32(channels), .int32(size), .int32(patchSize)])
  }
}

extension CUDABackend: RotaryKernels {
  /// See `RotaryKernels`; source and target may each be fp32 or bfloat16.
  package func rotate(
    _ source: Tensor, table: RotaryTable, positions: [Int32], direction: Float, into target: Tensor
  ) {
    let rows = positions.count, half = table.headSize / 2
    guard rows > 0, half > 0 else { return }
    let heads = source.count / (rows * table.headSize)
    let runs = heads * half / LaunchGrid.runLength([source, target])
    launch(
      kernel("rows", "rotate", source, target), grid: LaunchGrid(heads > 0 ? rows : 0),
      threads: max(32, min(LaunchGrid.threads, (runs + 31) / 32 * 32)),
      [
        .tensor(source), .tensor(target), .tensor(arrayOnCard(table.cosines)), .tensor(arrayOnCard(table.sines)),
        .tensor(arrayOnCard(positions)), .float(direction), .int64(rows), .int32(heads), .int32(half),
      ])
  }
}
