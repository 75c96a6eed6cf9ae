import TestSupport
import Testing

import Carina

@Suite("Encoder blocks in bytes") struct ByteEncoderTests {
  /// Rows, width of the state, width of the MLP.
  private static let sizes = [(1, 8, 20), (5, 70, 130), (36, 64, 256), (37, 128, 200), (217, 72, 300), (600, 64, 64)]

  private struct Block {
    let firstNorm: [Parameter], secondNorm: [Parameter]
    let maps: [[Parameter]]
    let activation: GELUKind

    init(width: Int, inner: Int, activation: GELUKind, seed: UInt64) {
      func norm(_ seed: UInt64) -> [Parameter] {
        [Parameter.random("gain", [width], seed: seed), Parameter.random("shift", [width], seed: seed + 1)]
      }
      func map(_ outputs: Int, _ inputs: Int, _ seed: UInt64) -> [Parameter] {
        [
          Parameter.random("w", [outputs, inputs], seed: seed, type: .bfloat16, trainable: false),
          Parameter.random("b", [outputs], seed: seed + 1, type: .bfloat16, trainable: false),
        ]
      }
      self.activation = activation
      firstNorm = norm(seed + 1)
      secondNorm = norm(seed + 3)
      maps =
        (0..<4).map { map(width, width, seed + 10 + 2 * $0) }
        + [map(inner, width, seed + 20), map(width, inner, seed + 22)]
    }

    /// - Parameter packed: whether the matrices lie packed, as the encoder wants them.
    func multiplyInBytes(packed: Bool = true) {
      Parameter.multiplyInBytes(maps[..<3].map { $0[0] }, packed: packed)
      for map in maps[3...] { map[0].multiplyInBytes(packed: packed) }
    }

    var weights: EncoderBlockWeights {
      func map(_ index: Int) -> EncoderBlockWeights.Map { .init(maps[index][0], maps[index][1]) }
      return EncoderBlockWeights(
        firstNorm: .init(firstNorm[0], firstNorm[1], epsilon: 1e-6),
        secondNorm: .init(secondNorm[0], secondNorm[1], epsilon: 1e-6), query: map(0), key: map(1), value: map(2),
        output: map(3), expand: map(4), contract: map(5), activation: activation)
    }

    /// The state behind the block, operation by operation.
    func left(_ x: Tensor, _ mixed: Tensor) -> Tensor? {
      guard
        let state = linearWithEpilogue(
          ProductInput(mixed, as: .bfloat16), maps[3][0], maps[3][1], summand: x)
      else { return nil }
      let normed = layerNorm(state, secondNorm[0], secondNorm[1], epsilon: 1e-6, tape: nil)
      let inner = linear(normed, maps[4][0], maps[4][1], tape: nil)
      return linearWithEpilogue(
        ProductInput(activated: inner, activation, for: maps[5][0]), maps[5][0], maps[5][1], summand: state)
    }

    /// Queries, keys and values, operation by operation.
    func entered(_ x: Tensor) -> [Tensor] {
      let input = ProductInput(layerNorm(x, firstNorm[0], firstNorm[1], epsilon: 1e-6, tape: nil), as: .bfloat16)
      return maps[..<3].map { linear(input, $0[0], $0[1], tape: nil) }
    }
  }

  @Test("rows taken a few at a time have the bits of the operations one by one", arguments: sizes)
  func sameBits(size: (rows: Int, width: Int, inner: Int)) throws {
    let encoder = try #require(TestBackend.cpu.byteEncoder)
    for activation in [GELUKind.tanhApproximation, .exact] {
      let one = Block(width: size.width, inner: size.inner, activation: activation, seed: 100)
      let two = Block(width: size.width, inner: size.inner, activation: activation, seed: 200)
      #expect(!encoder.takes(one.weights), "not in bytes")
      one.multiplyInBytes()
      two.multiplyInBytes()
      #expect(encoder.takes(one.weights))
      let x = Tensor.random([size.rows, size.width], seed: 1), mixed = Tensor.random(x.shape, seed: 2)
      let state = try #require(one.left(x, mixed)), entered = two.entered(state)
      for threads in [1, 2, 3] {
        withThreads(threads) {
          let both = encoder.advance(x, from: (one.weights, mixed), to: two.weights)
          expectSameBits(both.state, state, "state, \(threads) threads")
          #expect(both.projections.count == 3)
          for (found, expected) in zip(both.projections, entered) { expectSameBits(found, expected, "projections") }
          let last = encoder.advance(x, from: (one.weights, mixed), to: nil)
          expectSameBits(last.state, state, "the last block")
          #expect(last.projections.isEmpty)
          let first = encoder.advance(state, from: nil, to: two.weights)
          for (found, expected) in zip(first.projections, entered) { expectSameBits(found, expected, "the first") }
        }
      }
    }
  }

  @Test("blocks whose matrices are not packed are not taken")
  func refused() throws {
    let encoder = try #require(TestBackend.cpu.byteEncoder)
    let block = Block(width: 32, inner: 64, activation: .exact, seed: 1)
    block.multiplyInBytes(packed: false)
    #expect(!encoder.takes(block.weights))
    block.multiplyInBytes()
    #expect(encoder.takes(block.weights))
    block.maps[4][0].setTrainable(true)
    #expect(!encoder.takes(block.weights))
  }
}
