import TestSupport
import Testing

import Carina

@Suite("Attention") struct AttentionTests {
  /// The layouts that the models use, and their edges.
  static let layouts: [(name: String, layout: AttentionLayout)] = [
    ("full", layout([7], isCausal: false)),
    ("full, packed", layout([1, 33, 65, 7], heads: 3, isCausal: false)),
    ("one query for many keys, full", layout([1, 1], keys: [9, 33], heads: 2, isCausal: false)),
    ("causal", layout([65], isCausal: true)),
    ("causal, three blocks", layout([130], heads: 2, size: 3, isCausal: true)),
    ("causal, packed, grouped", layout([7, 1, 33, 66], heads: 4, keyValueHeads: 2, isCausal: true)),
    ("all heads over one", layout([17, 9], heads: 4, keyValueHeads: 1, size: 8, isCausal: true)),
    ("window shorter than the sequence", layout([17, 130], heads: 2, size: 4, isCausal: true, window: 5)),
    ("window of one", layout([7, 65], isCausal: true, window: 1)),
    ("window of the block size", layout([130], isCausal: true, window: 64)),
    ("window longer than the sequence", layout([17, 3], isCausal: true, window: 64)),
    ("decoding with a cache", layout([1, 1, 3], keys: [20, 1, 70], heads: 2, keyValueHeads: 1, isCausal: true)),
    ("decoding with a cache and a window", layout([1, 5], keys: [20, 9], isCausal: true, window: 4)),
    ("more queries than keys", layout([7, 70], keys: [3, 2], isCausal: true)),
    ("no keys", layout([4, 3], keys: [0, 5], isCausal: false)),
    ("an empty sequence", layout([0, 5], keys: [0, 5], isCausal: true)),
    ("mutual runs", layout([17, 9], heads: 4, keyValueHeads: 2, isCausal: true, runs: [[2..<7, 9..<14], [0..<4]])),
    ("mutual runs over blocks", layout([130, 70], isCausal: true, runs: [[60..<129], []])),
    ("mutual runs longer than the window", layout([17, 130], isCausal: true, window: 5, runs: [[3..<14], [50..<90]])),
    (
      "mutual runs behind a cache",
      layout([6, 1], keys: [20, 9], isCausal: true, window: 8, runs: [[15..<19], [2..<5]])
    ),
    ("thousands of keys", layout([3], keys: [2083], heads: 2, size: 7, isCausal: false)),
  ]

  static func layout(
    _ queries: [Int], keys: [Int]? = nil, heads: Int = 1, keyValueHeads: Int? = nil, size: Int = 5, isCausal: Bool,
    window: Int? = nil, runs: [[Range<Int>]]? = nil
  ) -> AttentionLayout {
    AttentionLayout(
      queryCounts: queries, keyCounts: keys, heads: heads, keyValueHeads: keyValueHeads, headSize: size, scale: 0.7,
      isCausal: isCausal, window: window, mutualRuns: runs)
  }

  private func arguments(_ layout: AttentionLayout) -> (query: Tensor, key: Tensor, value: Tensor) {
    let rows = layout.queryCounts.reduce(0, +), keys = layout.keyCounts.reduce(0, +)
    let width = layout.keyValueHeads * layout.headSize
    return (
      Tensor.random([rows, layout.heads * layout.headSize], seed: 1, in: -2..<2),
      Tensor.random([keys, width], seed: 2, in: -2..<2), Tensor.random([keys, width], seed: 3)
    )
  }

  @Test("agrees with its definition", arguments: layouts.indices)
  func forward(index: Int) {
    let (name, layout) = AttentionTests.layouts[index]
    let (query, key, value) = arguments(layout)
    let out = attention(query, key, value, layout: layout, tape: nil)
    #expect(out.shape == query.shape)
    expectClose(
      out.doubles, attentionTwin(query.doubles, key.doubles, value.doubles, layout), relative: 3e-6, name)
  }

  @Test("its gradients are the slopes", arguments: layouts.indices)
  func slopes(index: Int) {
    let (name, layout) = AttentionTests.layouts[index]
    let (query, key, value) = arguments(layout)
    let tape = Tape()
    let q = tape.watch(query), k = tape.watch(key), v = tape.watch(value)
    let seed = Tensor.random(query.shape, seed: 4)
    tape.backward(from: attention(q, k, v, layout: layout, tape: tape), seed: seed)
    let (qs, ks, vs, weights) = (query.doubles, key.doubles, value.doubles, seed.doubles)
    expectGradient(tape.gradient(of: q), at: qs, elements: 40, "\(name): query") {
      weightedSum(attentionTwin($0, ks, vs, layout), weights)
    }
    expectGradient(tape.gradient(of: k), at: ks, elements: 40, "\(name): key") {
      weightedSum(attentionTwin(qs, $0, vs, layout), weights)
    }
    expectGradient(tape.gradient(of: v), at: vs, elements: 40, "\(name): value") {
      weightedSum(attentionTwin(qs, ks, $0, layout), weights)
    }
  }

  @Test("a query that sees nothing gives zeros and gets no gradient")
  func blind() {
    let layout = AttentionTests.layout([4], keys: [2], heads: 2, isCausal: true)
    let (query, key, value) = arguments(layout)
    let tape = Tape()
    let q = tape.watch(query)
    let out = attention(q, key, value, layout: layout, tape: tape)
    #expect(out.rowSlice(0..<2).values.allSatisfy { $0 == 0 })
    tape.backward(from: out, seed: Tensor.random(out.shape, seed: 5))
    #expect(tape.gradient(of: q)?.rowSlice(0..<2).values.allSatisfy { $0 == 0 } == true)
  }

  @Test("scores of a thousand neither overflow nor vanish")
  func extreme() {
    let layout = AttentionTests.layout([9], isCausal: true)
    let query = Tensor.random([9, 5], seed: 6, in: -40..<40), key = Tensor.random([9, 5], seed: 7, in: -40..<40)
    let value = Tensor.random([9, 5], seed: 8)
    let out = attention(query, key, value, layout: layout, tape: nil)
    expectClose(
      out.doubles, attentionTwin(query.doubles, key.doubles, value.doubles, layout), relative: 0, absolute: 5e-4)
  }

  @Test("sequences packed together give what each gives alone, bit for bit")
  func packing() {
    let lengths = [7, 65, 1, 33]
    let packed = AttentionTests.layout(lengths, heads: 4, keyValueHeads: 2, isCausal: true, window: 9)
    let (query, key, value) = arguments(packed)
    let out = attention(query, key, value, layout: packed, tape: nil)
    var first = 0
    for length in lengths {
      let rows = first..<first + length
      let alone = attention(
        query.rowSlice(rows), key.rowSlice(rows), value.rowSlice(rows),
        layout: AttentionTests.layout([length], heads: 4, keyValueHeads: 2, isCausal: true, window: 9), tape: nil)
      expectSameBits(alone, out.rowSlice(rows))
      first += length
    }
  }

  @Test("repeats bit for bit, with any number of threads")
  func threads() {
    let layout = AttentionTests.layout([130, 66, 9], heads: 4, keyValueHeads: 2, size: 16, isCausal: true, window: 70)
    let (query, key, value) = arguments(layout)
    let seed = Tensor.random(query.shape, seed: 9)
    func run(_ threads: Int) -> [Tensor?] {
      withThreads(threads) {
        let tape = Tape()
        let q = tape.watch(query), k = tape.watch(key), v = tape.watch(value)
        let out = attention(q, k, v, layout: layout, tape: tape)
        tape.backward(from: out, seed: seed)
        return [out, tape.gradient(of: q), tape.gradient(of: k), tape.gradient(of: v)]
      }
    }
    let one = run(1)
    for threads in [1, 2, 3] {
      for (a, b) in zip(run(threads), one) { expectSameBits(a, b, "\(threads) threads") }
    }
  }

  @Test("keys may stand apart, as in a cache with room to spare")
  func keyStarts() {
    let apart = AttentionLayout(
      queryCounts: [1, 2], keyCounts: [3, 5], keyStarts: [6, 0], heads: 2, keyValueHeads: 1, headSize: 5, scale: 0.7,
      isCausal: true)
    let memory = Tensor.random([10, 5], seed: 10), values = Tensor.random([10, 5], seed: 11)
    let query = Tensor.random([3, 10], seed: 12)
    func packed(_ x: Tensor) -> Tensor {
      selectRows(x, Array(6..<9) + Array(0..<5), tape: nil)
    }
    let together = AttentionTests.layout([1, 2], keys: [3, 5], heads: 2, keyValueHeads: 1, isCausal: true)
    let seed = Tensor.random([3, 10], seed: 13)
    func run(_ keys: Tensor, _ values: Tensor, _ layout: AttentionLayout) -> (Tensor, Tensor?, Tensor?) {
      let tape = Tape()
      let k = tape.watch(keys), v = tape.watch(values)
      let out = attention(query, k, v, layout: layout, tape: tape)
      tape.backward(from: out, seed: seed)
      return (out, tape.gradient(of: k), tape.gradient(of: v))
    }
    let a = run(memory, values, apart), b = run(packed(memory), packed(values), together)
    expectSameBits(a.0, b.0)
    expectSameBits(a.1.map(packed), b.1, "keys")
    expectSameBits(a.2.map(packed), b.2, "values")
  }

  @Test("leaves nothing on the tape when nothing needs a gradient")
  func quiet() {
    let layout = AttentionTests.layout([5], isCausal: true)
    let (query, key, value) = arguments(layout)
    #expect(attention(query, key, value, layout: layout, tape: Tape()).node == nil)
  }

  /// The layouts above with heads of an even size, and the models' own sizes.
  static let evenLayouts: [(name: String, layout: AttentionLayout)] =
    layouts.map { name, old in
      (
        name,
        AttentionLayout(
          queryCounts: old.queryCounts, keyCounts: old.keyCounts, heads: old.heads, keyValueHeads: old.keyValueHeads,
          headSize: old.headSize + old.headSize % 2, scale: old.scale, isCausal: old.isCausal, window: old.window,
          mutualRuns: old.mutualRuns)
      )
    } + [
      ("heads of 72", layout([67, 130], heads: 2, size: 72, isCausal: false)),
      ("thousands of keys, heads of 72", layout([61, 130], keys: [1100, 2049], heads: 2, size: 72, isCausal: false)),
      ("as many keys as are kept whole", layout([9], keys: [1024], size: 72, isCausal: false)),
    ]
    + [2, 8, 10, 16, 22, 32, 40, 48, 50, 64, 66, 80, 82].map { size in
      (
        "thousands of keys, heads of \(size)",
        layout([7, 66], keys: [1279, 1025], heads: 4, keyValueHeads: 2, size: size, isCausal: false)
      )
    } + [
      ("heads of 256 over one", layout([70], heads: 4, keyValueHeads: 1, size: 256, isCausal: true, window: 40))
    ]

  @Test(
    "products in bfloat16 stay as near to fp32 as rounding allows, gradients too",
    .enabled(if: Processor.hasBFloat16Products, "the processor has no bfloat16 products"),
    arguments: evenLayouts.indices)
  func narrow(index: Int) {
    let (name, layout) = AttentionTests.evenLayouts[index]
    let (query, key, value) = arguments(layout)
    func run(_ products: ElementType) -> [Tensor] {
      let tape = Tape()
      let watched = [query, key, value].map { tape.watch($0.scaled(0.25)) }
      let out = attention(
        watched[0], watched[1], watched[2], layout: layout, products: products, tape: tape)
      tape.backward(from: out, seed: Tensor.random(query.shape, seed: 4))
      return [out.detached] + watched.map { tape.gradient(of: $0) ?? Tensor(zeros: $0.shape) }
    }
    let narrow = run(.bfloat16), wide = run(.float32)
    #expect(zip(narrow, wide).contains { $0.values != $1.values } || wide[0].values.allSatisfy { $0 == 0 })
    for (part, pair) in zip(["output", "query", "key", "value"], zip(narrow, wide)) {
      expectClose(pair.0, pair.1, relative: 2e-2, "\(name): \(part)")
    }
    let again = withThreads(1) { run(.bfloat16) }
    for (one, two) in zip(narrow, again) { expectSameBits(one, two, "\(name): one thread") }
  }
}

extension Tensor {
  fileprivate func scaled(_ factor: Float) -> Tensor { Tensor(values.map { $0 * factor }, shape: shape) }
}
