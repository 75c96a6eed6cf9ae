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
    guard similarities.count > 0 else { return (0, 0, 0) }
    let results = Tensor(uninitialized: [24], elementType: .uint8, on: self)
    contrast(
      similarities, isPositive, [.optional(nil), .optional(nil), .float(scale), .float(shift)], divisor: divisor,
      logits: logits, slopes: slopes, [.tensor(results), .optional(nil)])
    let sums = results.withHostBytes { Array($0.bindMemory(to: Double.self)) }
    return (sums[0], sums[1], sums[2])
  }

  /// See `ContrastiveKernels`; nothing is read.
  package func sigmoidContrast(
    _ similarities: Tensor, _ isPositive: [Bool], logScale: Tensor, bias: Tensor, divisor: Float, logits: Tensor,
    slopes: Tensor
  ) -> (loss: Tensor, scaleSlope: Tensor, biasSlope: Tensor) {
    let numbers = Tensor(uninitialized: [3], on: self)
    if similarities.count > 0 {
      contrast(
        similarities, isPositive, [.tensor(logScale), .tensor(bias), .float(0), .float(0)], divisor: divisor,
        logits: logits, slopes: slopes, [.optional(nil), .tensor(numbers)])
    } else {
      fillWithZeros(numbers)
    }
    return (numbers.elementSlice(0..<1), numbers.elementSlice(1..<2), numbers.elementSlice(2..<3))
  }

  private func contrast(
    _ similarities: Tensor, _ isPositive: [Bool], _ factors: [KernelArgument], divisor: Float, logits: Tensor,
    slopes: Tensor, _ results: [KernelArgument]
  ) {
    let count = similarities.count, blocks = min((count + 255) / 256, 256)
    let partials = Tensor(uninitialized: [blocks * 24], elementType: .uint8, on: self)
    launch(
      kernel("losses", "sigmoid_contrast", similarities), grid: LaunchGrid(blocks), threads: 256,
      [.tensor(similarities), .tensor(upload(isPositive.map { $0 ? 1 : 0 as Int32 }))] + factors + [
        .float(divisor), .tensor(logits), .tensor(slopes), .tensor(partials), .int64(count),
      ])
    launch(
      KernelName("losses", "add_contrast"), grid: LaunchGrid(1), threads: 32,
      [.tensor(partials)] + results + [.float(divisor), .int32(blocks)])
  }
}
