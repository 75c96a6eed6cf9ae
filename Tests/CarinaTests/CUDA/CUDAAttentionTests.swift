import TestSupport
import Testing

import Carina
import CarinaCUDA

@Suite("Attention on a card", .enabled(if: CUDATestDevice.isPresent, Comment(rawValue: CUDATestDevice.reason)))
struct CUDAAttentionTests {
  private static func layout(
    _ queries: [Int], keys: [Int]? = nil, starts: [Int]? = nil, heads: Int = 1, keyValueHeads: Int? = nil,
    size: Int = 16, isCausal: Bool, window: Int? = nil, runs: [[Range<Int>]]? = nil
  ) -> AttentionLayout {
    AttentionLayout(
      queryCounts: queries, keyCounts: keys, keyStarts: starts, heads: heads, keyValueHeads: keyValueHeads,
      headSize: size, scale: 1 / Float(size).squareRoot(), isCausal: isCausal, window: window, mutualRuns: runs)
  }

  /// Layouts whose heads the tensor cores compute, with every choice of tiles, and their edges.
  static let layouts: [(name: String, layout: AttentionLayout)] = [
    ("full, packed", layout([1, 33, 140, 7], heads: 3, isCausal: false)),
    ("causal, packed, grouped", layout([7, 1, 33, 150], heads: 4, keyValueHeads: 2, size: 8, isCausal: true)),
    ("a vision encoder's head", layout([150], heads: 2, size: 72, isCausal: false)),
    ("a head of 64, window", layout([135, 20], heads: 2, keyValueHeads: 1, size: 64, isCausal: true, window: 30)),
    ("a head of 128", layout([130], heads: 2, keyValueHeads: 1, size: 128, isCausal: true)),
    ("Gemma's head", layout([70, 130], heads: 2, keyValueHeads: 1, size: 256, isCausal: true, window: 64)),
    ("window of one", layout([7, 65], isCausal: true, window: 1)),
    ("behind a cache", layout([17, 1, 3], keys: [80, 1, 70], heads: 2, keyValueHeads: 1, isCausal: true, window: 40)),
    ("more queries than keys", layout([7, 70], keys: [3, 2], isCausal: true)),
    ("no keys", layout([9, 3], keys: [0, 5], isCausal: false)),
    ("an empty sequence", layout([0, 15], keys: [0, 15], isCausal: true)),
    ("mutual runs", layout([130, 70], heads: 2, isCausal: true, window: 50, runs: [[60..<129], [3..<9]])),
    ("other key starts", layout([20, 40], keys: [30, 40], starts: [5, 50], heads: 2, isCausal: true)),
  ]

  private static func keyRows(_ layout: AttentionLayout) -> Int {
    3 + (zip(layout.keyStarts, layout.keyCounts).map(+).max() ?? 0)
  }

  /// Numbers of the type on the processor, as fp32.
  private static func numbers(_ layout: AttentionLayout, _ type: ElementType) -> [Tensor] {
    let rows = layout.queryCounts.reduce(0, +)
    let width = layout.heads * layout.headSize, keyWidth = layout.keyValueHeads * layout.headSize
    let shapes = [[rows, width], [keyRows(layout), keyWidth], [keyRows(layout), keyWidth], [rows, width]]
    return shapes.enumerated().map { index, shape in
      var generator = SeededGenerator(seed: UInt64(index + 1), stream: "attention on a card")
      let values = (0..<shape.reduce(1, *)).map { _ in Float(generator.uniform(in: -2..<2)) }
      return Tensor(values, shape: shape, on: TestBackend.cpu).converted(to: type).converted(to: .float32)
    }
  }

  private static func onCard(_ tensor: Tensor, _ type: ElementType, _ card: CUDABackend) -> Tensor {
    let narrow = tensor.converted(to: type)
    return narrow.backend.withHostBytes(of: narrow) { source in
      Tensor(tensor.shape, elementType: type, on: card) { $0.copyMemory(from: source) }
    }
  }

  /// Bytes that no kernel may leave, as every element is written.
  private static func poisoned(_ shape: [Int], _ type: ElementType, _ card: CUDABackend) -> Tensor {
    Tensor(shape, elementType: type, on: card) { bytes in bytes.initializeMemory(as: UInt8.self, repeating: 0xff) }
  }

  private static func onHost(_ tensor: Tensor) -> Tensor {
    tensor.backend.withHostBytes(of: tensor) { source in
      Tensor(tensor.shape, elementType: tensor.elementType, on: TestBackend.cpu) { $0.copyMemory(from: source) }
    }.converted(to: .float32)
  }

  private static func compare(_ name: String, _ layout: AttentionLayout, _ type: ElementType) throws {
    let card = try CUDABackend(index: 0, activations: type)
    let inputs = numbers(layout, type)
    let wanted = inputs.map { Tensor(uninitialized: $0.shape, on: TestBackend.cpu) }
    let cpu = TestBackend.cpu
    cpu.attention(
      inputs[0], inputs[1], inputs[2], layout, products: .float32, into: wanted[0], keepsStatistics: true)
    let gradients = [0, 1, 2].map { Tensor(uninitialized: inputs[$0].shape, on: cpu) }
    cpu.attentionBackward(
      inputs[0], inputs[1], inputs[2], layout, products: .float32, out: nil, statistics: nil, inputs[3],
      dq: gradients[0], dk: gradients[1], dv: gradients[2])

    func run() -> [Tensor] {
      let given = inputs.map { onCard($0, type, card) }
      let out = poisoned(given[0].shape, type, card), few = poisoned(given[0].shape, type, card)
      card.attention(given[0], given[1], given[2], layout, products: type, into: few, keepsStatistics: false)
      let statistics = card.attention(
        given[0], given[1], given[2], layout, products: type, into: out, keepsStatistics: true)
      let slopes = [0, 1, 2].map { poisoned(given[$0].shape, type, card) }
      card.attentionBackward(
        given[0], given[1], given[2], layout, products: type, out: out, statistics: statistics, given[3],
        dq: slopes[0], dk: slopes[1], dv: slopes[2])
      return ([out, few] + slopes).map(onHost)
    }
    let found = run(), again = run()
    try card.throwFailure()
    let isNarrow = type == .bfloat16
    for (index, what) in ["out", "out without statistics", "query", "key", "value"].enumerated() {
      let isResult = index < 2
      // Gradients may cancel, as where a row sees one key: what is left is the rounding of numbers around 1.
      expectClose(
        found[index], isResult ? wanted[0] : gradients[index - 2],
        relative: isResult ? (isNarrow ? 1e-2 : 1e-5) : (isNarrow ? 2e-2 : 1e-4),
        absolute: isResult ? 0 : (isNarrow ? 2e-2 : 1e-5), "\(name), \(type): \(what)")
      #expect(found[index].values == again[index].values, "\(name), \(type): \(what), again")
    }
  }

  @Test("bf16 agrees with the processor in fp32, and with itself", arguments: layouts.indices)
  func narrow(index: Int) throws {
    let (name, layout) = CUDAAttentionTests.layouts[index]
    try CUDAAttentionTests.compare(name, layout, .bfloat16)
  }

  @Test("fp32 agrees with the processor, and with itself", arguments: layouts.indices)
  func wide(index: Int) throws {
    let (name, layout) = CUDAAttentionTests.layouts[index]
    try CUDAAttentionTests.compare(name, layout, .float32)
  }

  @Test("fp32 has heads of any size", arguments: AttentionTests.layouts.indices)
  func anySize(index: Int) throws {
    let (name, layout) = AttentionTests.layouts[index]
    try CUDAAttentionTests.compare(name, layout, .float32)
  }

  @Test("few rows read long caches in shares", arguments: [ElementType.float32, .bfloat16])
  func decoding(type: ElementType) throws {
    let layouts = [
      CUDAAttentionTests.layout(
        [1, 1, 1], keys: [700, 3, 129], starts: [10, 800, 820], heads: 4, keyValueHeads: 1, size: 256, isCausal: false),
      CUDAAttentionTests.layout([8, 2], keys: [300, 2], heads: 6, keyValueHeads: 2, size: 72, isCausal: true),
      CUDAAttentionTests.layout([1], keys: [513], heads: 3, size: 64, isCausal: false),
    ]
    for layout in layouts { try CUDAAttentionTests.compare("few rows", layout, type) }
  }

  @Test("heads that are too large for the kernels are reported")
  func largeHeads() throws {
    let card = try CUDABackend(index: 0, activations: .float32)
    let layout = CUDAAttentionTests.layout([2], size: 264, isCausal: false)
    let x = Tensor(zeros: [2, 264], on: card), out = Tensor(zeros: [2, 264], on: card)
    card.attention(x, x, x, layout, products: .float32, into: out, keepsStatistics: false)
    #expect(throws: CarinaError.self) { try card.throwFailure() }
  }
}
