import Foundation
import TestSupport
import Testing

import Carina

@Suite("AdamW") struct AdamWTests {
  /// Puts `gradient` into the parameter as a backward pass would.
  private func setGradient(_ gradient: Tensor, of parameter: Parameter) {
    parameter.clearGradient()
    let tape = Tape()
    tape.backward(from: embedding(Array(0..<parameter.shape[0]), parameter, tape: tape), seed: gradient)
  }

  private func constants(rate: Float, step: Int, gradientScale: Float = 1) -> AdamWConstants {
    var powers = DecayPowers(beta1: 0.9, beta2: 0.999)
    return AdamWConstants(
      rate: rate, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, powers: powers.power(step), gradientScale: gradientScale)
  }

  @Test(
    "ten steps follow the definition in double precision", arguments: [ElementType.float32, .bfloat16], [1, 7, 130])
  func tenSteps(type: ElementType, width: Int) {
    for decays in [true, false] { tenSteps(type, width: width, decays: decays) }
  }

  private func tenSteps(_ type: ElementType, width: Int, decays: Bool) {
    let parameter = Parameter.random("w", [33, width], seed: 1, type: type, decays: decays)
    let first = Tensor(zeros: parameter.shape), second = Tensor(zeros: parameter.shape)
    var weights = parameter.trainedValue.doubles
    var m = [Double](repeating: 0, count: weights.count), v = m
    for step in 1...10 {
      let gradient = Tensor.random(parameter.shape, seed: UInt64(step) + 100, in: -0.01..<0.02)
      let rate = Float(0.001 * Double(step % 4)), clip = Float(1 / Double(step))
      setGradient(gradient, of: parameter)
      parameter.updateAdamW(
        constants(rate: rate, step: step, gradientScale: clip), decay: 0.1, firstMoment: first, secondMoment: second)
      for (index, raw) in gradient.doubles.enumerated() {
        let g = raw * Double(clip)
        m[index] = 0.9 * m[index] + 0.1 * g
        v[index] = 0.999 * v[index] + 0.001 * g * g
        let corrected = m[index] / (1 - pow(0.9, Double(step)))
        let root = (v[index] / (1 - pow(0.999, Double(step)))).squareRoot()
        if decays { weights[index] -= Double(rate) * 0.1 * weights[index] }
        weights[index] -= Double(rate) * corrected / (root + 1e-8)
      }
      expectClose(parameter.trainedValue.doubles, weights, relative: 1e-6, "step \(step)")
    }
    expectClose(first.doubles, m, relative: 2e-6, "first moment")
    expectClose(second.doubles, v, relative: 2e-6, "second moment")
    expectSameBits(parameter.value, parameter.trainedValue.converted(to: type))
  }

  @Test("a bfloat16 weight moves by steps far below its resolution, thanks to the master")
  func smallSteps() {
    let parameter = Parameter(
      name: "w", value: Tensor([1], shape: [1, 1]).converted(to: .bfloat16), decays: false)
    parameter.setTrainable(true)
    let first = Tensor(zeros: [1, 1]), second = Tensor(zeros: [1, 1])
    for step in 1...100 {
      setGradient(Tensor([1], shape: [1, 1]), of: parameter)
      parameter.updateAdamW(constants(rate: 1e-4, step: step), decay: 0, firstMoment: first, secondMoment: second)
    }
    expectClose(parameter.trainedValue, [0.99], relative: 1e-4)
    #expect(parameter.value.values[0] < 1)
  }

  @Test("the powers of the decay factors have the bits of their products, wherever they begin")
  func powers() {
    let beta1 = 0.9, beta2 = 0.999
    var running = DecayPowers(beta1: beta1, beta2: beta2), (one, two) = (1.0, 1.0)
    for step in 1...3000 {
      (one, two) = (one * beta1, two * beta2)
      #expect(running.power(step) == (one, two), "step \(step)")
      guard step % 250 == 0 else { continue }
      var resumed = DecayPowers(beta1: beta1, beta2: beta2)
      #expect(resumed.power(step) == (one, two) && resumed.power(1) == (beta1, beta2))
    }
    // Weights of which some stood still for a while.
    for step in 3001...3020 {
      (one, two) = (one * beta1, two * beta2)
      #expect(running.power(step) == (one, two))
      _ = running.power(step - 2500)
    }
  }

  @Test("without a gradient, or with a rate of zero, the weights stay")
  func still() {
    let parameter = Parameter.random("w", [5, 3], seed: 2)
    let before = parameter.value.copied()
    let first = Tensor(zeros: [5, 3]), second = Tensor(zeros: [5, 3])
    parameter.updateAdamW(constants(rate: 0.1, step: 1), decay: 0.1, firstMoment: first, secondMoment: second)
    expectSameBits(parameter.value, before)
    setGradient(Tensor.random([5, 3], seed: 3), of: parameter)
    parameter.updateAdamW(constants(rate: 0, step: 1), decay: 0.1, firstMoment: first, secondMoment: second)
    expectSameBits(parameter.value, before)
    #expect(first.values.contains { $0 != 0 })
  }

  @Test("the sum of squares is exact and the same for any number of threads", arguments: [1, 33, 70_001, 200_000])
  func sumOfSquares(count: Int) {
    let parameter = Parameter.random("w", [1, count], seed: 4)
    #expect(parameter.gradientSumOfSquares == 0)
    let gradient = Tensor.random([1, count], seed: 5)
    setGradient(gradient, of: parameter)
    let one = withThreads(1) { parameter.gradientSumOfSquares }
    expectClose([one], [gradient.doubles.reduce(0) { $0 + $1 * $1 }], relative: 1e-12)
    for threads in [2, 3] { #expect(withThreads(threads) { parameter.gradientSumOfSquares } == one) }
  }
}
