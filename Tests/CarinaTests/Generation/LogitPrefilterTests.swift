import TestSupport
import Testing

import Carina

@Suite("Logit prefilter") struct LogitPrefilterTests {
  private func prefilter(on head: Parameter, _ change: (inout GenerationOptions) -> Void = { _ in }) -> LogitPrefilter?
  {
    var options = GenerationOptions()
    change(&options)
    return LogitPrefilter(head, options, patience: 1, smallestByteCount: 0)
  }

  /// The first of the largest logits of each row.
  private func tokens(_ states: Tensor, _ head: Parameter) -> [Int] {
    let logits = headLogits(states, head: head), values = logits.values
    return (0..<states.rows).map { row in
      let range = values[row * logits.width..<(row + 1) * logits.width]
      let best = range.max() ?? 0
      return (range.firstIndex { $0 == best } ?? 0) - range.startIndex
    }
  }

  @Test("gives the token of the whole product for one to four rows", arguments: 1...4)
  func exact(rows: Int) throws {
    let head = Parameter.random("head", [3001, 96], seed: 1, type: .bfloat16, trainable: false)
    let prefilter = try #require(self.prefilter(on: head))
    #expect(prefilter.tokens(Tensor.random([rows, 96], seed: 2)) == nil, "the copy is made in the first step")
    for seed in 3..<40 {
      let states = Tensor.random([rows, 96], seed: UInt64(seed), in: -3..<3)
      #expect(prefilter.tokens(states) == tokens(states, head))
    }
  }

  @Test("of equal rows the first wins, and rows that differ in one last bit are told apart")
  func ties() throws {
    let row = Tensor.random([1, 64], seed: 5, in: 0.5..<1).values
    var values = (0..<400).flatMap { _ in row }
    // Row 200 alone is one step of bfloat16 larger at one index.
    values[200 * 64] *= 1 + 0x1p-7
    let head = Parameter(
      name: "head", value: Tensor(values, shape: [400, 64]).converted(to: .bfloat16), decays: true)
    let prefilter = try #require(self.prefilter(on: head))
    let ones = Tensor([Float](repeating: 1, count: 64), shape: [1, 64])
    _ = prefilter.tokens(ones)
    #expect(prefilter.tokens(ones) == [200])
    let negative = Tensor([Float](repeating: -1, count: 64), shape: [1, 64])
    #expect(prefilter.tokens(negative) == [0])
  }

  @Test("leaves states without finite numbers, and choices that need all logits, to the whole product")
  func refusals() throws {
    let head = Parameter.random("head", [300, 32], seed: 6, type: .bfloat16, trainable: false)
    let prefilter = try #require(self.prefilter(on: head))
    _ = prefilter.tokens(Tensor.random([1, 32], seed: 7))
    #expect(prefilter.tokens(Tensor([Float](repeating: .nan, count: 32), shape: [1, 32])) == nil)
    #expect(prefilter.tokens(Tensor.random([5, 32], seed: 8)) == nil)
    #expect(self.prefilter(on: head) { $0.temperature = 1 } == nil)
    #expect(self.prefilter(on: head) { $0.beamCount = 2 } == nil)
    #expect(self.prefilter(on: head) { $0.repetitionPenalty = 1.1 } == nil)
    let wide = Parameter.random("head", [300, 32], seed: 6, trainable: false)
    #expect(self.prefilter(on: wide) == nil)
  }
}
