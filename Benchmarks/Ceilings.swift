import Carina

/// What the device reaches at its best in this very run: the ceilings that operations are compared with.
struct Ceilings {
  /// GB/s of reading on the processor, and of copying on a card, both directions counted.
  let memory: Double
  /// GFLOP/s of large matrix products.
  let float32: Double, bfloat16: Double
  private let isProcessor: Bool

  /// Measures them: the best of `repeats` runs each.
  /// - Throws: what the device reports.
  init(repeats: Int, on device: Device) throws {
    isProcessor = device.isProcessor
    let samples = Samples(backend: device.backend)
    memory = isProcessor ? try Ceilings.reading(repeats, device) : try Ceilings.copying(repeats, device)
    let side = isProcessor ? 2048 : 8192
    float32 = try Ceilings.product(.float32, side: side, repeats: repeats, samples, device)
    bfloat16 = try Ceilings.product(.bfloat16, side: side, repeats: repeats, samples, device)
  }

  private static func reading(_ repeats: Int, _ device: Device) throws -> Double {
    let memory = Tensor(zeros: [1 << 27], on: device.backend)
    let seconds = try Measurement.seconds(repeats: repeats, on: device) { MemoryReading.sum(of: memory) }
    return Double(memory.byteCount) / (seconds.min() ?? .infinity) * 1e-9
  }

  private static func copying(_ repeats: Int, _ device: Device) throws -> Double {
    let source = Tensor(zeros: [1 << 29], on: device.backend)
    let target = Tensor(uninitialized: source.shape, on: device.backend)
    let seconds = try Measurement.seconds(repeats: repeats, isShort: true, on: device) {
      device.backend.copy(source, into: target)
    }
    return Double(2 * source.byteCount) / (seconds.min() ?? .infinity) * 1e-9
  }

  private static func product(
    _ type: ElementType, side: Int, repeats: Int, _ samples: Samples, _ device: Device
  ) throws -> Double {
    let factor = MatrixFactor(samples.tensor([side, side]).converted(to: type))
    // Of bf16 a card gives bf16, as in a model.
    let result = device.isProcessor ? .float32 : type
    let out = Tensor(uninitialized: [side, side], elementType: result, on: device.backend)
    let seconds = try Measurement.seconds(repeats: repeats, isShort: true, on: device) {
      device.backend.multiply(factor, factor.transposed, into: out, accumulate: false)
    }
    return 2 * Double(side * side * side) / (seconds.min() ?? .infinity) * 1e-9
  }

  /// One line for a table.
  var summary: String {
    let memory = "\((memory * 10).rounded() / 10) GB/s"
    return
      "\(isProcessor ? "reading" : "copying, both directions,") \(memory), products \(Int(float32)) GFLOP/s in fp32, "
      + "\(Int(bfloat16)) in bf16"
  }

  /// The time that work takes at the ceiling.
  func leastSeconds(_ work: Work) -> Double {
    switch work {
    case .bytes(let count): return count / memory * 1e-9
    case .products(let count, let isBFloat16): return count / (isBFloat16 ? bfloat16 : float32) * 1e-9
    }
  }

  /// Part of the ceiling that a measurement reaches.
  func part(_ measurement: Measurement) -> Double {
    switch measurement.work {
    case .bytes: return measurement.rate.value / memory
    case .products(_, let isBFloat16): return measurement.rate.value / (isBFloat16 ? bfloat16 : float32)
    }
  }
}
