import Carina
import Foundation

/// The engine's operations at the sizes of Gemma 3 1B.
struct OperationBenchmarks {
  /// Where they are computed.
  let device: Device
  /// Runs of each, and rows of the activations.
  let repeats: Int, rows: Int
  private let samples: Samples
  private let width = 1152, inner = 6912, vocabulary = 262_144

  init(device: Device, repeats: Int, rows: Int) {
    self.device = device
    self.repeats = repeats
    self.rows = rows
    samples = Samples(backend: device.backend)
  }

  /// Measures all of them, one after the other.
  /// - Throws: what the device reports.
  func run() throws -> [Measurement] {
    try products() + frozenProducts() + attention() + decoding() + loops() + digest()
  }

  private func measure(_ name: String, _ work: Work, _ body: () -> Void) throws -> Measurement {
    try Measurement(name, work, repeats: repeats, on: device, body)
  }

  /// As the device keeps them where weights are of this type.
  private func activations(_ shape: [Int], _ type: ElementType) -> Tensor {
    type == .bfloat16 ? samples.activations(shape) : samples.tensor(shape)
  }

  private func products() throws -> [Measurement] {
    try [ElementType.float32, .bfloat16].flatMap { type throws -> [Measurement] in
      let x = activations([rows, width], type), dout = activations([rows, inner], type)
      let frozen = samples.weight([inner, width], type),
        trained = samples.weight([inner, width], type, isTrained: true)
      let once = 2 * Double(rows * width * inner), name = type == .bfloat16 ? "bf16" : "fp32"
      return [
        try measure(
          "linear \(rows)×1152→6912, forward, \(name)", .products(once, isBFloat16: type == .bfloat16)
        ) {
          _ = linear(x, frozen, tape: nil)
        },
        try measure(
          "linear, forward and both gradients, \(name)", .products(3 * once, isBFloat16: type == .bfloat16)
        ) {
          let tape = Tape()
          tape.backward(from: linear(tape.watch(x), trained, tape: tape), seed: dout)
        },
      ]
    }
  }

  /// Frozen matrices as they lie, in a packed copy, and in 8 bits; the ceiling is that of bfloat16 products for all of them.
  private func frozenProducts() throws -> [Measurement] {
    var kinds: [(name: String, prepare: (Parameter) -> Void)] = [("bf16 as it lies", { _ in })]
    if device.backend.packsFactors { kinds.append(("bf16 packed", { $0.packWhenFrozen() })) }
    if device.backend.supportsByteProducts { kinds.append(("8 bits", { $0.multiplyInBytes() })) }
    return try [(width, inner), (inner, width)].flatMap { inputs, outputs in
      try kinds.flatMap { name, prepare throws -> [Measurement] in
        let x = samples.activations([rows, inputs]), frozen = samples.weight([outputs, inputs], .bfloat16)
        let dout = samples.activations([rows, outputs]), once = 2 * Double(rows * inputs * outputs)
        prepare(frozen)
        // A copy is packed at the second use.
        for _ in 0..<2 { _ = linear(x, frozen, tape: nil) }
        return [
          try measure(
            "frozen \(inputs)→\(outputs), \(name), forward", .products(once, isBFloat16: true)
          ) { _ = linear(x, frozen, tape: nil) },
          try measure(
            "frozen \(inputs)→\(outputs), \(name), and back", .products(2 * once, isBFloat16: true)
          ) {
            let tape = Tape()
            tape.backward(from: linear(tape.watch(x), frozen, tape: tape), seed: dout)
          },
        ]
      }
    }
  }

  private func attention() throws -> [Measurement] {
    // Sequences of an image and its text each.
    let counts = stride(from: 0, to: rows, by: 640).map { min(640, rows - $0) }
    let layout = AttentionLayout(
      queryCounts: counts, heads: 4, keyValueHeads: 1, headSize: 256, scale: 1.0 / 16, isCausal: true, window: 512)
    // Half of the scores are in a query's future; the window leaves out few.
    let products = 2 * 2 * Double(counts.reduce(0) { $0 + $1 * $1 } / 2 * 1024)
    let query = samples.tensor([rows, 1024]), key = samples.tensor([rows, 256]), value = samples.tensor([rows, 256])
    let types = [query, key, value].map { $0.converted(to: device.backend.activations) }
    func gradients(_ name: String, _ x: [Tensor], _ type: ElementType) throws -> Measurement {
      try measure(name, .products(products * 4.5, isBFloat16: type == .bfloat16)) {
        let tape = Tape()
        let out = Carina.attention(
          tape.watch(x[0]), tape.watch(x[1]), tape.watch(x[2]), layout: layout, products: type, tape: tape)
        tape.backward(from: out, seed: x[0])
      }
    }
    return [
      try measure("attention, \(rows) rows, 4 heads of 256", .products(products, isBFloat16: false)) {
        _ = Carina.attention(query, key, value, layout: layout, tape: nil)
      },
      try measure("the same in bf16", .products(products, isBFloat16: true)) {
        _ = Carina.attention(types[0], types[1], types[2], layout: layout, products: .bfloat16, tape: nil)
      },
      try gradients("attention, forward and gradients", [query, key, value], .float32),
    ] + (device.isProcessor ? [] : [try gradients("the same in bf16", types, .bfloat16)])
  }

  private func decoding() throws -> [Measurement] {
    let backend = device.backend
    let head = samples.weight([vocabulary, width], .bfloat16), wide = samples.weight([vocabulary / 2, width], .float32)
    let row = samples.tensor([1, width]), most = max(backend.mostFewRows, device.isProcessor ? 1 : 8)
    var list = try (1...most).map { count in
      let x = samples.activations([count, width])
      return try measure("\(count) row(s) × 262144×1152 bf16", .bytes(Double(vocabulary * width * 2))) {
        _ = headLogits(x, head: head)
      }
    }
    if let processor = backend as? CPUBackend {
      let narrow = row.converted(to: .bfloat16), out = Tensor(uninitialized: [1, vocabulary], on: backend)
      list.append(
        try measure("the same of 1 row, weights widened", .bytes(Double(vocabulary * width * 2))) {
          processor.multiplyFewRows(
            MatrixFactor(narrow), MatrixFactor(head.value).transposed, into: out, byPairs: false)
        })
    }
    if backend.supportsByteProducts {
      let quantized = backend.quantized(head.value)
      list.append(
        try measure("1 row × 262144×1152 in 8 bits", .bytes(Double(quantized.byteCount))) { _ = quantized.product(row) }
      )
    }
    list.append(
      try measure("1 row × 131072×1152 fp32", .bytes(Double(vocabulary / 2 * width * 4))) {
        _ = headLogits(row, head: wide)
      })
    return list
  }

  private func loops() throws -> [Measurement] {
    let wide = samples.tensor([8 * rows, inner]), gate = samples.activations([8 * rows, inner])
    let up = samples.activations([8 * rows, inner])
    let x = samples.tensor([16 * rows, width]), gain = samples.weight([width], .float32)
    // A norm reads the residual stream and gives what products read.
    let normed = Double(x.count * (4 + device.backend.activations.byteCount))
    let trained = samples.weight([1 << 25], .bfloat16, isTrained: true)
    trained.accumulateForBenchmark()
    let first = Tensor(zeros: [1 << 25], on: device.backend), second = Tensor(zeros: [1 << 25], on: device.backend)
    let codes = TrainingState.Moments(of: trained, inEightBits: true)
    let constants = AdamWConstants(
      rate: 1e-5, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, powers: (0.9, 0.999), gradientScale: 1)
    return [
      try measure("gated GELU", .bytes(3 * Double(gate.byteCount))) { _ = gatedGELU(gate: gate, up: up, tape: nil) },
      try measure("RMS norm", .bytes(normed)) { _ = rmsNorm(x, gain, epsilon: 1e-6, tape: nil) },
      try measure("fp32 to bf16", .bytes(1.5 * Double(wide.byteCount))) { _ = wide.converted(to: .bfloat16) },
      try measure("AdamW, 33.5 million bf16 weights", .bytes(Double(1 << 25) * 30)) {
        trained.updateAdamW(constants, decay: 0.01, firstMoment: first, secondMoment: second)
      },
      try measure("the same, moments in 8 bits", .bytes(Double(1 << 25) * 16)) {
        trained.updateAdamW(
          constants, decay: 0.01, firstMoment: codes.first, secondMoment: codes.second, scales: codes.scales)
      },
    ]
  }

  private func digest() throws -> [Measurement] {
    guard device.isProcessor else { return [] }
    let data = Data(count: 1 << 26)
    return [
      try measure("SHA-256, one thread", .bytes(Double(data.count))) { _ = SHA256Digest.of(data) }
    ]
  }
}

extension Parameter {
  /// Gives the weight a gradient of its own size by a product of one row.
  fileprivate func accumulateForBenchmark() {
    let tape = Tape()
    let rows = embedding([0], self, tape: tape)
    tape.backward(from: rows, seed: Tensor(zeros: rows.shape, on: rows.backend))
  }
}
