import CarinaTensor

extension CUDABackend: CrossEntropyKernels {
  /// See `CrossEntropyKernels`; logits may be bfloat16 too, and so their gradient.
  package func crossEntropy(_ logits: Tensor, targets: ArraySlice<Int32>, scale: Float, losses: Tensor) {
    run("cross_entropy", logits, targets, [.float(scale)], losses)
  }

  /// See `CrossEntropyKernels`; logits may be bfloat16 too, and so their gradient.
  package func smoothedCrossEntropy(
    _ logits: Tensor, targets: ArraySlice<Int32>, scale: Float, smoothing: Float, losses: Tensor
  ) {
    run("smoothed_cross_entropy", logits, targets, [.float(scale), .float(smoothing)], losses)
  }

  /// A block a row, with as much of the row in shared memory as goes.
  private func run(
    _ function: String, _ logits: Tensor, _ targets: ArraySlice<Int32>, _ factors: [KernelArgument], _ losses: Tensor
  ) {
    guard !targets.isEmpty else { return }
    let width = logits.width, runs = (width + LaunchGrid.runLength([logits]) - 1) / LaunchGrid.runLength([logits])
    let threads = min(1024, (runs + 31) / 32 * 32), passes = (runs + threads - 1) / threads
    let kept = min((passes + 3) / 4 * 4, mostKeptRuns)
    launch(
      kernel("losses", function, logits), grid: LaunchGrid(targets.count), threads: threads,
      sharedBytes: kept * 16 * threads,
      [.tensor(logits), .tensor(upload(Array(targets))), .tensor(losses), .int32(width)] + factors + [.int32(kept)])
  }

  /// Runs of 16 bytes that 1,024 threads have room for in a block's shared memory, a multiple of 4.
  private var mostKeptRuns: Int {
    switch (device.major, device.minor) {
    case (9, _), (10, _): 12
    case (8, 0), (8, 7): 8
    default: 4
    }
  }
}

extension CUDABackend: ContrastiveKernels {
  /// See `ContrastiveKernels`; waits for the card.
  package func sigmoidContrast(
    _ similarities: Tensor, _ isPositive: [Bool], scale: Float, shift: Float, divisor: Float, logits: Tensor,
    slopes: Tensor
  ) -> (loss: Double, scaleSlope: Double, biasSlope: Double) {
    let count = similarities.count
    guard count > 0 else { return (0, 0, 0) }
    let blocks = min((count + 255) / 256, 256)
    let partials = Tensor(uninitialized: [blocks * 24], elementType: .uint8, on: self)
    let results = Tensor(uninitialized: [24], elementType: .uint8, on: self)
    launch(
      kernel("losses", "sigmoid_contrast", similarities), grid: LaunchGrid(blocks), threads: 256,
      [
        .tensor(similarities), .tensor(upload(isPositive.map { $0 ? 1 : 0 as Int32 })), .float(scale), .float(shift),
        .float(divisor), .tensor(logits), .tensor(slopes), .tensor(partials), .int64(count),
      ])
    launch(
      KernelName("losses", "add_contrast"), grid: LaunchGrid(1), threads: 32,
      [.tensor(partials), .tensor(results), .int32(blocks)])
    let sums = results.withHostBytes { Array($0.bindMemory(to: Double.self)) }
    return (sums[0], sums[1], sums[2])
  }
}
