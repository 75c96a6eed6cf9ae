import CarinaTensor

extension CUDABackend: AdamWKernels {
  /// Numbers of a tensor that a block of threads steps: whole blocks of moments in 8 bits.
  private static let pieceSize = 64 * EightBitMoments.blockSize

  /// See `AdamWKernels`.
  package func adamW(
    _ value: Tensor, remainder: Tensor?, gradient: Tensor, first: Tensor, second: Tensor, _ constants: AdamWConstants,
    decay: Float, correction1: Float, correction2: Float
  ) {
    adamW([
      AdamWStep(
        value: value, remainder: remainder, gradient: gradient, first: first, second: second, scales: nil,
        constants: constants, decay: decay, correction1: correction1, correction2: correction2)
    ])
  }

  /// See `AdamWKernels`.
  package func adamW(
    _ value: Tensor, remainder: Tensor?, gradient: Tensor, first: (codes: Tensor, scales: Tensor),
    second: (codes: Tensor, scales: Tensor), _ constants: AdamWConstants, decay: Float, correction1: Float,
    correction2: Float
  ) {
    adamW([
      AdamWStep(
        value: value, remainder: remainder, gradient: gradient, first: first.codes, second: second.codes,
        scales: (first.scales, second.scales), constants: constants, decay: decay, correction1: correction1,
        correction2: correction2)
    ])
  }

  /// See `AdamWKernels`: one launch for all tensors of a form; a block steps a piece of one tensor.
  package func adamW(_ steps: [AdamWStep]) {
    var forms: [(name: KernelName, isCoded: Bool, steps: [AdamWStep])] = []
    for step in steps where step.value.count > 0 {
      let isCoded = step.scales != nil
      let function = "adamw" + (isCoded ? "_coded" : "") + (step.remainder == nil ? "" : "_split")
      let name = kernel("optimizer", function, step.gradient)
      if let index = forms.firstIndex(where: { $0.name == name }) {
        forms[index].steps.append(step)
      } else {
        forms.append((name, isCoded, [step]))
      }
    }
    for form in forms {
      let starts = form.steps.reduce(into: [0]) { starts, step in
        starts.append(starts[starts.count - 1] + (step.value.count - 1) / CUDABackend.pieceSize + 1)
      }
      let table = TensorTable(form.steps.map(entry), starts: starts, on: self)
      launch(
        form.name, grid: LaunchGrid(starts[form.steps.count]), threads: 256,
        table.arguments + [.int32(CUDABackend.pieceSize)] + (form.isCoded ? [.tensor(codeTables)] : []))
    }
  }

  /// A tensor in the table of a launch: `SteppedTensor` of `optimizer.cu`, its constants as `carina_adamw` makes them.
  private func entry(_ step: AdamWStep) -> [UInt64] {
    let constants = step.constants
    if let scales = step.scales {
      let blocks = EightBitMoments.scaleCount(step.value.count)
      precondition(
        scales.first.count == blocks && scales.second.count == blocks, "\(blocks) blocks of \(step.value.shape)")
    }
    // In words of two, so one more.
    let factors: [Float] = [
      constants.gradientScale, Float(constants.beta1), Float(1 - constants.beta1), Float(constants.beta2),
      Float(1 - constants.beta2), 1 - constants.rate * step.decay, constants.rate / step.correction1,
      1 / step.correction2.squareRoot(), constants.epsilon, 0,
    ]
    let tensors: [Tensor?] = [
      step.value, step.remainder, step.gradient, step.first, step.second, step.scales?.first, step.scales?.second,
    ]
    var words: [UInt64] = tensors.map { $0?.deviceAddress ?? 0 }
    words.append(UInt64(step.value.count))
    for index in stride(from: 0, to: factors.count, by: 2) {
      words.append(UInt64(factors[index].bitPattern) | UInt64(factors[index + 1].bitPattern) << 32)
    }
    return words
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
  /// alone; two launches, and waits for the card once.
  package func sumsOfSquares(_ tensors: [Tensor]) -> [Double] {
    let starts = tensors.reduce(into: [0]) { starts, tensor in
      starts.append(starts[starts.count - 1] + min((tensor.count + 16383) / 16384, 1024))
    }
    let pieces = starts[tensors.count]
    guard pieces > 0 else { return tensors.map { _ in 0 } }
    let table = TensorTable(
      tensors.map { [$0.deviceAddress, UInt64($0.count), $0.elementType == .bfloat16 ? 1 : 0] }, starts: starts,
      on: self)
    let partials = Tensor(uninitialized: [8 * pieces], elementType: .uint8, on: self)
    let results = Tensor(uninitialized: [8 * tensors.count], elementType: .uint8, on: self)
    launch(
      KernelName("optimizer", "sum_squares"), grid: LaunchGrid(pieces), threads: 256,
      table.arguments + [.tensor(partials)])
    launch(
      KernelName("optimizer", "add_squares"), grid: LaunchGrid(tensors.count), threads: 128,
      [.tensor(partials), .tensor(table.starts), .tensor(results)])
    return results.withHostBytes { Array($0.bindMemory(to: Double.self)) }
  }
}
