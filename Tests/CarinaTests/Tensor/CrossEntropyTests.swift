import Foundation
import TestSupport
import Testing

import Carina

/// −log softmax(h · Wᵀ)[target] of each row.
private func tokenLossTwin(_ hidden: DoubleMatrix, _ head: DoubleMatrix, _ targets: [Int32]) -> [Double] {
  let logits = hidden * head.transposed
  return targets.enumerated().map { row, target in
    let values = (0..<head.rows).map { logits[row, $0] }
    let largest = values.max() ?? 0
    return log(values.reduce(0) { $0 + exp($1 - largest) }) + largest - values[Int(target)]
  }
}

@Suite("Cross-entropy") struct CrossEntropyTests {
  private func targets(_ count: Int, vocabulary: Int) -> [Int32] {
    var generator = SeededGenerator(seed: 1, stream: "targets")
    return (0..<count).map { _ in Int32(generator.integer(below: vocabulary)) }
  }

  @Test(
    "agrees with its definition, in one chunk or many", arguments: [ElementType.float32, .bfloat16],
    [(0, 5, 7), (1, 1, 1), (7, 33, 65), (33, 7, 130), (65, 20, 1000)])
  func forward(type: ElementType, size: (rows: Int, width: Int, vocabulary: Int)) {
    let hidden = Tensor.random([size.rows, size.width], seed: 2, in: -2..<2)
    let head = Parameter.random("e", [size.vocabulary, size.width], seed: 3, type: type, trainable: false)
    let targets = targets(size.rows, vocabulary: size.vocabulary)
    let expected = tokenLossTwin(DoubleMatrix(hidden.converted(to: type)), DoubleMatrix(head.value), targets)
    for limit in [1, size.vocabulary * 4 * 3, 64 << 20] {
      let result = crossEntropy(
        hidden, targets: targets, head: head, scale: 0.25, chunkByteLimit: limit, tape: nil)
      expectClose(result.tokenLosses, expected, relative: 3e-6, absolute: 1e-6, "limit \(limit)")
      expectClose(result.loss, [expected.reduce(0, +) * 0.25], relative: 2e-6, absolute: 1e-6)
    }
  }

  @Test("its gradients are the slopes, in one chunk or many", arguments: [1, 13 * 4 * 2, 64 << 20])
  func slopes(limit: Int) {
    let tape = Tape()
    let hidden = tape.watch(Tensor.random([7, 6], seed: 4))
    let head = Parameter.random("e", [13, 6], seed: 5)
    let targets = targets(7, vocabulary: 13)
    let result = crossEntropy(
      hidden, targets: targets, head: head, scale: 0.125, chunkByteLimit: limit, tape: tape)
    tape.backward(from: result.loss)
    let (h, w) = (hidden.doubles, head.value.doubles)
    func twin(_ h: [Double], _ w: [Double]) -> Double {
      tokenLossTwin(DoubleMatrix(h, rows: 7, columns: 6), DoubleMatrix(w, rows: 13, columns: 6), targets)
        .reduce(0, +) * 0.125
    }
    expectGradient(tape.gradient(of: hidden), at: h, "hidden") { twin($0, w) }
    expectGradient(head.gradient, at: w, "head") { twin(h, $0) }
  }

  @Test("a frozen head gets no gradient; hidden rows without a node leave nothing on the tape")
  func frozen() {
    let head = Parameter.random("e", [13, 6], seed: 6, trainable: false)
    let plain = Tensor.random([4, 6], seed: 7)
    let targets = targets(4, vocabulary: 13)
    let tape = Tape()
    #expect(crossEntropy(plain, targets: targets, head: head, scale: 1, tape: tape).loss.node == nil)
    let hidden = tape.watch(plain)
    let loss = crossEntropy(hidden, targets: targets, head: head, scale: 1, tape: tape).loss
    tape.backward(from: loss)
    #expect(head.gradient == nil)
    #expect(tape.gradient(of: hidden)?.isFinite == true)
  }

  @Test("a tied head and a sum over micro-batches add up in one gradient")
  func accumulation() {
    let head = Parameter.random("e", [11, 5], seed: 8)
    let hidden = Tensor.random([6, 5], seed: 9)
    let targets = targets(6, vocabulary: 11)
    func gradient(_ runs: [Range<Int>]) -> [Double] {
      head.clearGradient()
      for run in runs {
        let tape = Tape()
        let part = crossEntropy(
          hidden.rowSlice(run), targets: Array(targets[run]), head: head, scale: 1.0 / 6, tape: tape)
        tape.backward(from: part.loss)
      }
      return head.gradient?.doubles ?? []
    }
    expectClose(gradient([0..<2, 2..<6]), gradient([0..<6]), relative: 1e-6)
  }

  @Test("logits of a hundred thousand stay finite, and the wanted one gives a loss of zero")
  func extreme() {
    let hidden = Tensor([1e5, 0], shape: [1, 2])
    let head = Parameter(name: "e", value: Tensor([1, 0, 0, 1, -1, 0], shape: [3, 2]), decays: true)
    #expect(crossEntropy(hidden, targets: [0], head: head, scale: 1, tape: nil).tokenLosses == [0])
    #expect(crossEntropy(hidden, targets: [2], head: head, scale: 1, tape: nil).tokenLosses == [2e5])
  }

  @Test("a NaN among the logits shows in the loss")
  func nan() {
    let head = Parameter.random("e", [33, 2], seed: 10)
    #expect(
      crossEntropy(Tensor([.nan, 1], shape: [1, 2]), targets: [0], head: head, scale: 1, tape: nil).tokenLosses[0].isNaN
    )
  }

  @Test("the head's logits are its products with the hidden rows")
  func logits() {
    let hidden = Tensor.random([3, 5], seed: 11), head = Parameter.random("e", [7, 5], seed: 12)
    let out = headLogits(hidden, head: head)
    #expect(out.shape == [3, 7] && out.node == nil)
    expectClose(out.doubles, (DoubleMatrix(hidden) * DoubleMatrix(head.value).transposed).values, relative: 2e-6)
  }
}
