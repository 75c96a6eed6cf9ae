import Carina
import Foundation

/// The engine's operations at the sizes of Gemma 3 1B and 640 rows (an image of 576 patches and 64 tokens of text).
enum OperationBenchmarks {
  private static let rows = 640, width = 1152, inner = 6912, vocabulary = 262_144

  /// Measures all of them, one after the other.
  static func run(repeats: Int) -> [Measurement] {
    products(repeats) + frozenProducts(repeats) + attention(repeats) + decoding(repeats) + loops(repeats)
      + digest(repeats)
  }

  private static func products(_ repeats: Int) -> [Measurement] {
    [ElementType.float32, .bfloat16].flatMap { type -> [Measurement] in
      let x = Samples.tensor([rows, width]), frozen = Samples.weight([inner, width], type)
      let trained = Samples.weight([inner, width], type, isTrained: true), dout = Samples.tensor([rows, inner])
      let once = 2 * Double(rows * width * inner), name = type == .bfloat16 ? "bf16" : "fp32"
      return [
        Measurement(
          "linear 640×1152→6912, forward, \(name)", .products(once, isBFloat16: type == .bfloat16), repeats: repeats
        ) {
          _ = linear(x, frozen, tape: nil)
        },
        Measurement(
          "linear, forward and both gradients, \(name)", .products(3 * once, isBFloat16: type == .bfloat16),
          repeats: repeats
        ) {
          let tape = Tape()
          tape.backward(from: linear(tape.watch(x), trained, tape: tape), seed: dout)
        },
      ]
    }
  }

  /// Frozen matrices as they lie, in a packed copy, and in 8 bits; the ceiling is that of bfloat16 products for all of them.
  private static func frozenProducts(_ repeats: Int) -> [Measurement] {
    let kinds: [(name: String, prepare: (Parameter) -> Void)] = [
      ("bf16 as it lies", { _ in }), ("bf16 packed", { $0.packWhenFrozen() }), ("8 bits", { $0.multiplyInBytes() }),
    ]
    return [(width, inner), (inner, width)].flatMap { inputs, outputs in
      kinds.flatMap { name, prepare -> [Measurement] in
        let x = Samples.tensor([rows, inputs]), frozen = Samples.weight([outputs, inputs], .bfloat16)
        let dout = Samples.tensor([rows, outputs]), once = 2 * Double(rows * inputs * outputs)
        prepare(frozen)
        // A copy is packed at the second use.
        for _ in 0..<2 { _ = linear(x, frozen, tape: nil) }
        return [
          Measurement(
            "frozen \(inputs)→\(outputs), \(name), forward", .products(once, isBFloat16: true), repeats: repeats
          ) { _ = linear(x, frozen, tape: nil) },
          Measurement(
            "frozen \(inputs)→\(outputs), \(name), and back", .products(2 * once, isBFloat16: true), repeats: repeats
          ) {
            let tape = Tape()
            tape.backward(from: linear(tape.watch(x), frozen, tape: tape), seed: dout)
          },
        ]
      }
    }
  }

  private static func attention(_ repeats: Int) -> [Measurement] {
    let layout = AttentionLayout(
      queryCounts: [rows], heads: 4, keyValueHeads: 1, headSize: 256, scale: 1.0 / 16, isCausal: true, window: 512)
    let query = Samples.tensor([rows, 1024]), key = Samples.tensor([rows, 256]), value = Samples.tensor([rows, 256])
    // Half of the scores are in a query's future; the window leaves out few.
    let products = 2 * 2 * Double(rows * rows / 2 * 1024)
    return [
      Measurement("attention, 640 rows, 4 heads of 256", .products(products, isBFloat16: false), repeats: repeats) {
        _ = Carina.attention(query, key, value, layout: layout, tape: nil)
      },
      Measurement("the same in bf16", .products(products, isBFloat16: true), repeats: repeats) {
        _ = Carina.attention(query, key, value, layout: layout, products: .bfloat16, tape: nil)
      },
      Measurement(
        "attention, forward and gradients", .products(products * 4.5, isBFloat16: false), repeats: repeats
      ) {
        let tape = Tape()
        let out = Carina.attention(tape.watch(query), tape.watch(key), tape.watch(value), layout: layout, tape: tape)
        tape.backward(from: out, seed: query)
      },
    ]
  }

  private static func decoding(_ repeats: Int) -> [Measurement] {
    let head = Samples.weight([vocabulary, width], .bfloat16), wide = Samples.weight([vocabulary / 2, width], .float32)
    let quantized = Samples.backend.quantized(head.value), row = Samples.tensor([1, width])
    let narrow = row.converted(to: .bfloat16), out = Tensor(uninitialized: [1, vocabulary], on: Samples.backend)
    return (1...Samples.backend.mostFewRows).map { count in
      let x = Samples.tensor([count, width])
      return Measurement(
        "\(count) row(s) × 262144×1152 bf16", .bytes(Double(vocabulary * width * 2)), repeats: repeats
      ) { _ = headLogits(x, head: head) }
    } + [
      Measurement("the same of 1 row, weights widened", .bytes(Double(vocabulary * width * 2)), repeats: repeats) {
        Samples.backend.multiplyFewRows(
          MatrixFactor(narrow), MatrixFactor(head.value).transposed, into: out, byPairs: false)
      },
      Measurement("1 row × 262144×1152 in 8 bits", .bytes(Double(quantized.byteCount)), repeats: repeats) {
        _ = quantized.product(row)
      },
      Measurement("1 row × 131072×1152 fp32", .bytes(Double(vocabulary / 2 * width * 4)), repeats: repeats) {
        _ = headLogits(Samples.tensor([1, width]), head: wide)
      },
    ]
  }

  private static func loops(_ repeats: Int) -> [Measurement] {
    let gate = Samples.tensor([8 * rows, inner]), up = Samples.tensor([8 * rows, inner])
    let x = Samples.tensor([16 * rows, width]), gain = Samples.weight([width], .float32)
    let bytes = Double(gate.count * 4), rowBytes = Double(x.count * 4)
    let trained = Samples.weight([1 << 25], .bfloat16, isTrained: true)
    trained.accumulateForBenchmark()
    let first = Tensor(zeros: [1 << 25], on: Samples.backend), second = Tensor(zeros: [1 << 25], on: Samples.backend)
    let codes = TrainingState.Moments(of: trained, inEightBits: true)
    let constants = AdamWConstants(
      rate: 1e-5, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, powers: (0.9, 0.999), gradientScale: 1)
    return [
      Measurement("gated GELU", .bytes(3 * bytes), repeats: repeats) { _ = gatedGELU(gate: gate, up: up, tape: nil) },
      Measurement("RMS norm", .bytes(2 * rowBytes), repeats: repeats) {
        _ = rmsNorm(x, gain, epsilon: 1e-6, tape: nil)
      },
      Measurement("fp32 to bf16", .bytes(1.5 * bytes), repeats: repeats) { _ = gate.converted(to: .bfloat16) },
      Measurement("AdamW, 33.5 million bf16 weights", .bytes(Double(1 << 25) * 30), repeats: repeats) {
        trained.updateAdamW(constants, decay: 0.01, firstMoment: first, secondMoment: second)
      },
      Measurement("the same, moments in 8 bits", .bytes(Double(1 << 25) * 16), repeats: repeats) {
        trained.updateAdamW(
          constants, decay: 0.01, firstMoment: codes.first, secondMoment: codes.second, scales: codes.scales)
      },
    ]
  }

  private static func digest(_ repeats: Int) -> [Measurement] {
    let data = Data(count: 1 << 26)
    return [
      Measurement("SHA-256, one thread", .bytes(Double(data.count)), repeats: repeats) { _ = SHA256Digest.of(data) }
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
