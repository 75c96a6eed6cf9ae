import Foundation
import TestSupport
import Testing

import Carina

/// Against torch's cross_entropy with label_smoothing (Tests/Reference/make_loss_goldens.py).
@Suite("Label smoothing") struct LabelSmoothingTests {
  private struct Case {
    let hidden: Tensor, head: Parameter, dhidden: Tensor, dhead: Tensor
    let targets: [Int32], smoothing: Double, loss: Double, tokenLosses: [Double]
  }

  private func cases() throws -> [Case] {
    let facts = try JSONValue.parseFile(ParityGolden.path("loss") + "/smoothing.json")
    let tensors = try SafetensorsFile(path: ParityGolden.path("loss") + "/smoothing.safetensors")
    return try #require(facts["cases"]?.array).enumerated().map { number, fact in
      func tensor(_ name: String) throws -> Tensor { try tensors.tensor(named: "\(name).\(number)") }
      let head = Parameter(name: "head", value: try tensor("head"), decays: true)
      head.setTrainable(true)
      return Case(
        hidden: try tensor("hidden"), head: head, dhidden: try tensor("dhidden"), dhead: try tensor("dhead"),
        targets: try #require(fact["targets"]).integers.map(Int32.init),
        smoothing: try #require(fact["smoothing"]?.double),
        loss: try #require(fact["loss"]?.double),
        tokenLosses: try #require(fact["token_losses"]?.array).compactMap(\.double))
    }
  }

  @Test("loss and gradients are torch's, in one chunk or many", arguments: [1, 64 << 20])
  func golden(limit: Int) throws {
    let cases = try cases()
    #expect(cases.count == 5)
    for one in cases {
      let tape = Tape(), hidden = tape.watch(one.hidden), scale = 1 / Float(one.targets.count)
      let result = crossEntropy(
        hidden, targets: one.targets, head: one.head, scale: scale, labelSmoothing: one.smoothing,
        chunkByteLimit: limit, tape: tape)
      tape.backward(from: result.loss)
      expectClose(result.loss, [one.loss], relative: 2e-6)
      expectClose(result.tokenLosses, one.tokenLosses, relative: 3e-6)
      expectClose(try #require(tape.gradient(of: hidden)), one.dhidden, relative: 5e-6)
      expectClose(try #require(one.head.gradient), one.dhead, relative: 5e-6)
      let plain = crossEntropy(
        one.hidden, targets: one.targets, head: one.head, scale: scale, labelSmoothing: one.smoothing, tape: nil)
      expectClose(plain.tokenLosses, one.tokenLosses, relative: 3e-6)
    }
  }

  @Test("at 0 the numbers are those without, to the bit; a little changes them")
  func off() throws {
    let one = try #require(cases().first)
    func result(_ smoothing: Double?) throws -> (losses: [Float], gradient: [Float]) {
      one.head.clearGradient()
      let tape = Tape(), hidden = tape.watch(one.hidden)
      let result =
        smoothing.map {
          crossEntropy(hidden, targets: one.targets, head: one.head, scale: 0.2, labelSmoothing: $0, tape: tape)
        } ?? crossEntropy(hidden, targets: one.targets, head: one.head, scale: 0.2, tape: tape)
      tape.backward(from: result.loss)
      return (result.tokenLosses, try #require(one.head.gradient).values)
    }
    let (plain, zero, little) = (try result(nil), try result(0), try result(0.01))
    #expect(plain.losses == zero.losses && plain.gradient == zero.gradient)
    #expect(plain.losses != little.losses && plain.gradient != little.gradient)
  }

  @Test("a vocabulary of a quarter million keeps six digits")
  func wide() {
    let head = Parameter.random("head", [262_144, 2], seed: 3), hidden = Tensor.random([2, 2], seed: 4, in: -9..<9)
    let targets: [Int32] = [7, 262_143]
    let logits = DoubleMatrix(hidden) * DoubleMatrix(head.value).transposed
    let expected = targets.enumerated().map { row, target in
      let values = (0..<head.value.rows).map { logits[row, $0] }, largest = values.max() ?? 0
      let normalizer = log(values.reduce(0) { $0 + exp($1 - largest) }) + largest
      return normalizer - 0.9 * values[Int(target)] - 0.1 * values.reduce(0, +) / Double(values.count)
    }
    let result = crossEntropy(hidden, targets: targets, head: head, scale: 1, labelSmoothing: 0.1, tape: nil)
    expectClose(result.tokenLosses, expected, relative: 1e-6)
  }
}
