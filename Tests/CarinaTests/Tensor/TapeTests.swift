import TestSupport
import Testing

import Carina

@Suite("Tape") struct TapeTests {
  private let inner = Parameter.random("inner", [9, 6], seed: 1)
  private let outer = Parameter.random("outer", [6, 9], seed: 2)
  private let norm = Parameter.random("norm", [6], seed: 3, decays: false)

  /// A residual block with trained weights.
  private func block(_ x: Tensor, _ tape: Tape?) -> Tensor {
    let hidden = gelu(linear(rmsNorm(x, norm, epsilon: 1e-6, tape: tape), inner, tape: tape), kind: .exact, tape: tape)
    return add(x, linear(hidden, outer, tape: tape), tape: tape)
  }

  private func gradients(_ body: (Tensor, Tape) -> Tensor, seed: Tensor) -> [Tensor?] {
    for parameter in [inner, outer, norm] { parameter.clearGradient() }
    let tape = Tape()
    let x = tape.watch(Tensor.random([11, 6], seed: 4))
    let out = body(x, tape)
    tape.backward(from: out, seed: seed)
    return [out, tape.gradient(of: x), inner.gradient, outer.gradient, norm.gradient]
  }

  @Test("a checkpointed part has the gradients of the plain one, bit for bit")
  func checkpointing() {
    let seed = Tensor.random([11, 6], seed: 5)
    let plain = gradients({ block(block($0, $1), $1) }, seed: seed)
    let saved = gradients(
      { x, tape in checkpointed(checkpointed(x, tape: tape, block), tape: tape, block) }, seed: seed)
    for (a, b) in zip(saved, plain) { expectSameBits(a, b) }
  }

  @Test("a checkpointed part trains its weights even when its argument needs no gradient")
  func checkpointedLeaf() {
    let tape = Tape()
    inner.clearGradient()
    let x = Tensor.random([11, 6], seed: 4)
    tape.backward(from: checkpointed(x, tape: tape, block), seed: Tensor.random([11, 6], seed: 5))
    #expect(inner.gradient != nil)
    #expect(checkpointed(x, tape: nil, block).node == nil)
    for parameter in [inner, outer, norm] { parameter.setTrainable(false) }
    #expect(checkpointed(x, tape: Tape(), block).node == nil)
  }

  @Test("a checkpointed part that hands its gradient straight on shares it with nobody who writes")
  func checkpointedSharing() {
    let tape = Tape()
    let x = tape.watch(Tensor.random([3, 2], seed: 6)), other = tape.watch(Tensor.random([3, 2], seed: 7))
    let bent = gelu(x, kind: .exact, tape: tape)
    let passed = checkpointed(x, tape: tape) { x, _ in x }
    let sum = add(add(passed, bent, tape: tape), other, tape: tape)
    let seed = Tensor.random([3, 2], seed: 8)
    let before = seed.copied()
    tape.backward(from: sum, seed: seed)
    expectSameBits(seed, before, "seed")
    expectSameBits(tape.gradient(of: other), before, "other")
    expectGradient(tape.gradient(of: x), at: x.doubles) { values in
      weightedSum(values.map { $0 + geluTwin($0, .exact) }, before.doubles)
    }
  }

  @Test("a tensor used twice gets both gradients")
  func sharing() {
    let tape = Tape()
    let x = tape.watch(Tensor.random([4, 3], seed: 9))
    let seed = Tensor.random([4, 3], seed: 10)
    let doubled = add(x, x, tape: tape)
    tape.backward(from: add(doubled, gelu(doubled, kind: .exact, tape: tape), tape: tape), seed: seed)
    expectGradient(tape.gradient(of: x), at: x.doubles) { values in
      weightedSum(values.map { 2 * $0 + geluTwin(2 * $0, .exact) }, seed.doubles)
    }
  }

  @Test("gradients add up over backward passes until they are cleared")
  func accumulation() {
    let seed = Tensor.random([11, 6], seed: 11)
    let once = gradients({ block($0, $1) }, seed: seed).map { $0?.doubles ?? [] }
    let tape = Tape()
    tape.backward(from: block(Tensor.random([11, 6], seed: 4), tape), seed: seed)
    for (parameter, single) in zip([inner, outer, norm], once[2...]) {
      expectClose(parameter.gradient?.doubles ?? [], single.map { 2 * $0 }, relative: 1e-6, parameter.name)
      parameter.clearGradient()
      #expect(parameter.gradient == nil)
    }
  }

  @Test("frozen weights in the middle let the gradient through and keep none")
  func frozenMiddle() {
    let tape = Tape()
    for parameter in [inner, outer, norm] { parameter.setTrainable(false) }
    let first = Parameter.random("first", [6, 6], seed: 12)
    let out = block(linear(Tensor.random([5, 6], seed: 13), first, tape: tape), tape)
    tape.backward(from: out, seed: Tensor.random([5, 6], seed: 14))
    #expect(first.gradient?.values.contains { $0 != 0 } == true)
    #expect([inner, outer, norm].allSatisfy { $0.gradient == nil })
    #expect(block(Tensor.random([5, 6], seed: 13), tape).node == nil)
  }

  @Test("the same pass gives the same bits again")
  func repeats() {
    let seed = Tensor.random([11, 6], seed: 15)
    let first = gradients({ block($0, $1) }, seed: seed)
    for _ in 0..<3 {
      for (a, b) in zip(gradients({ block($0, $1) }, seed: seed), first) { expectSameBits(a, b) }
    }
  }

  @Test(
    "a linear map gives the same bits again, large enough to be divided", arguments: [ElementType.float32, .bfloat16])
  func repeatedLinear(type: ElementType) {
    let weight = Parameter.random("w", [130, 200], seed: 16, type: type), bias = Parameter.random("b", [130], seed: 17)
    let seed = Tensor.random([257, 130], seed: 18)
    func run() -> [Tensor?] {
      weight.clearGradient()
      bias.clearGradient()
      let tape = Tape()
      let x = tape.watch(Tensor.random([257, 200], seed: 19))
      let out = linear(x, weight, bias, tape: tape)
      tape.backward(from: out, seed: seed)
      return [out, tape.gradient(of: x), weight.gradient, bias.gradient]
    }
    let first = run()
    for _ in 0..<3 { for (a, b) in zip(run(), first) { expectSameBits(a, b) } }
  }

  @Test("adding tensors adds their elements", arguments: [0, 1, 7, 65, 70_001])
  func addition(count: Int) {
    let a = Tensor.random([count], seed: 20), b = Tensor.random([count], seed: 21)
    #expect(add(a, b, tape: nil).values == zip(a.values, b.values).map { $0 + $1 })
  }
}
