import Carina

/// What the machine reaches at its best in this very run: the ceilings that operations are compared with.
struct Ceilings {
  /// GB/s of reading, and GFLOP/s of large matrix products.
  let reading: Double, float32: Double, bfloat16: Double

  /// Measures them: the best of `repeats` runs each.
  init(repeats: Int, on backend: any Backend = Samples.backend) {
    let memory = Tensor(zeros: [1 << 27], on: backend)
    let fastest = Measurement.seconds(repeats: repeats) { MemoryReading.sum(of: memory) }.min() ?? .infinity
    reading = Double(memory.count * 4) / fastest * 1e-9
    float32 = Ceilings.product(.float32, repeats: repeats, on: backend)
    bfloat16 = Ceilings.product(.bfloat16, repeats: repeats, on: backend)
  }

  private static func product(_ type: ElementType, repeats: Int, on backend: any Backend) -> Double {
    let side = 2048
    let a = Samples.tensor([side, side], on: backend).converted(to: type),
      out = Tensor(uninitialized: [side, side], on: backend)
    let factor = MatrixFactor(a)
    let fastest = Measurement.seconds(repeats: repeats) {
      backend.multiply(factor, factor.transposed, into: out, accumulate: false)
    }.min()
    return 2 * Double(side * side * side) / (fastest ?? .infinity) * 1e-9
  }

  /// The time that work takes at the ceiling.
  func leastSeconds(_ work: Work) -> Double {
    switch work {
    case .bytes(let count): return count / reading * 1e-9
    case .products(let count, let isBFloat16): return count / (isBFloat16 ? bfloat16 : float32) * 1e-9
    }
  }

  /// Part of the ceiling that a measurement reaches.
  func part(_ measurement: Measurement) -> Double {
    switch measurement.work {
    case .bytes: return measurement.rate.value / reading
    case .products(_, let isBFloat16): return measurement.rate.value / (isBFloat16 ? bfloat16 : float32)
    }
  }
}
