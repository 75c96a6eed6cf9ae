import CarinaTensor

extension CUDABackend: AdamWKernels {
  /// See `AdamWKernels`.
  package func adamW(
    _ value: Tensor, remainder: Tensor?, gradient: Tensor, first: Tensor, second: Tensor, _ constants: AdamWConstants,
    decay: Float, correction1: Float, correction2: Float
  ) {
    launch(
      kernel("optimizer", remainder == nil ? "adamw" : "adamw_split", gradient),
      grid: LaunchGrid(min((value.count + 1023) / 1024, Int(Int32.max))), threads: 256,
      weights(value, remainder) + [.tensor(gradient), .tensor(first), .tensor(second), .int64(value.count)]
        + factors(constants, decay, correction1, correction2))
  }

  /// See `AdamWKernels`: a warp steps a block of moments.
  package func adamW(
    _ value: Tensor, remainder: Tensor?, gradient: Tensor, first: (codes: Tensor, scales: Tensor),
    second: (codes: Tensor, scales: Tensor), _ constants: AdamWConstants, decay: Float, correction1: Float,
    correction2: Float
  ) {
    let blocks = EightBitMoments.scaleCount(value.count)
    precondition(first.scales.count == blocks && second.scales.count == blocks, "\(blocks) blocks of \(value.shape)")
    // Each block of threads fetches the tables first, so it should have more than one block of moments.
    let warps = 8, grid = min((blocks + warps - 1) / warps, max(1, multiprocessorCount) * 16)
    launch(
      kernel("optimizer", remainder == nil ? "adamw_coded" : "adamw_coded_split", gradient), grid: LaunchGrid(grid),
      threads: 32 * warps,
      weights(value, remainder) + [
        .tensor(gradient), .tensor(first.codes), .tensor(first.scales), .tensor(second.codes), .tensor(second.scales),
        .tensor(codeTables), .int64(value.count),
      ] + factors(constants, decay, correction1, correction2))
  }

  private func weights(_ value: Tensor, _ remainder: Tensor?) -> [KernelArgument] {
    [.tensor(value)] + (remainder.map { [.tensor($0)] } ?? [])
  }

  /// The constants of a step as `carina_adamw` makes them.
  private func factors(
    _ constants: AdamWConstants, _ decay: Float, _ correction1: Float, _ correction2: Float
  ) -> [KernelArgument] {
    [
      constants.gradientScale, Float(constants.beta1), Float(1 - constants.beta1), Float(constants.beta2),
      Float(1 - constants.beta2), 1 - constants.rate * decay, constants.rate / correction1,
      1 / correction2.squareRoot(), constants.epsilon,
    ].map { .float($0) }
  }

  /// What the kernels of coded moments read: values and bounds of both kinds of codes, then their starts, a byte each.
  private var codeTables: Tensor {
    kept.array(.name("code tables")) {
      let kinds = [DynamicCodes.signed, .unsigned]
      let floats = kinds.flatMap { $0.values + $0.bounds }, starts = kinds.flatMap { $0.starts.map { UInt8($0) } }
      let words = starts.withUnsafeBytes { Array($0.bindMemory(to: Int32.self)) }
      return upload(floats.map { Int32(bitPattern: $0.bitPattern) } + words)
    }
  }

  /// See `AdamWKernels`; waits for the card.
  package func sumOfSquares(_ x: Tensor) -> Double { sumsOfSquares([x])[0] }

  /// The sum of squares of each tensor, fp32 or bfloat16, in double precision and in an order that depends on its count
  /// alone; waits for the card once.
  package func sumsOfSquares(_ tensors: [Tensor]) -> [Double] {
    let pieces = tensors.map { min(($0.count + 16383) / 16384, 1024) }
    let starts = pieces.reduce(into: [0]) { $0.append(($0.last ?? 0) + $1) }
    guard let total = starts.last, total > 0 else { return tensors.map { _ in 0 } }
    let partials = Tensor(uninitialized: [8 * total], elementType: .uint8, on: self)
    let results = Tensor(uninitialized: [8 * tensors.count], elementType: .uint8, on: self)
    for (index, tensor) in tensors.enumerated() {
      launch(
        kernel("optimizer", "sum_squares", tensor), grid: LaunchGrid(pieces[index]), threads: 256,
        [
          .tensor(tensor), .tensor(partials.elementSlice(8 * starts[index]..<8 * total)), .int64(tensor.count),
        ])
    }
    launch(
      KernelName("optimizer", "add_squares"), grid: LaunchGrid(tensors.count), threads: 128,
      [.tensor(partials), .tensor(upload(starts)), .tensor(results)])
    return results.withHostBytes { Array($0.bindMemory(to: Double.self)) }
  }
}
