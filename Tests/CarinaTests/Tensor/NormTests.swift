import TestSupport
import Testing

import Carina

/// Layer norm by its definition.
func layerNormTwin(_ x: [Double], _ weight: [Double], _ bias: [Double], epsilon: Double) -> [Double] {
  let width = weight.count
  var out = x
  for start in stride(from: 0, to: x.count, by: width) {
    let row = x[start..<start + width]
    let mean = row.reduce(0, +) / Double(width)
    let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(width)
    let inverse = 1 / (variance + epsilon).squareRoot()
    for i in 0..<width { out[start + i] = (x[start + i] - mean) * inverse * weight[i] + bias[i] }
  }
  return out
}

/// Gemma's RMS norm by its definition.
func rmsNormTwin(_ x: [Double], _ weight: [Double], epsilon: Double) -> [Double] {
  let width = weight.count
  var out = x
  for start in stride(from: 0, to: x.count, by: width) {
    let mean = x[start..<start + width].reduce(0) { $0 + $1 * $1 } / Double(width)
    let inverse = 1 / (mean + epsilon).squareRoot()
    for i in 0..<width { out[start + i] = x[start + i] * inverse * (1 + weight[i]) }
  }
  return out
}

@Suite("Norms") struct NormTests {
  @Test(
    "layer norm agrees with its definition", arguments: [0, 1, 7, 130], [1, 7, 33, 65, 130, 1152])
  func layer(rows: Int, width: Int) {
    let x = Tensor.random([rows, width], seed: 1, in: -3..<5)
    let weight = Parameter.random("w", [width], seed: 2), bias = Parameter.random("b", [width], seed: 3)
    let epsilon: Float = 1e-5
    let out = layerNorm(x, weight, bias, epsilon: epsilon, tape: nil)
    let expected = layerNormTwin(x.doubles, weight.value.doubles, bias.value.doubles, epsilon: Double(epsilon))
    #expect(out.shape == x.shape)
    expectClose(out.doubles, expected, relative: 3e-6)
  }

  @Test(
    "RMS norm agrees with its definition, row by row and head by head", arguments: [0, 1, 7, 130], [1, 7, 65, 256])
  func rms(rows: Int, width: Int) {
    let weight = Parameter.random("w", [width], seed: 5, type: width == 7 ? .bfloat16 : .float32)
    for heads in [1, 3] {
      let x = Tensor.random([rows, heads * width], seed: 4, in: -3..<5)
      let out = rmsNorm(x, weight, epsilon: 1e-6, tape: nil)
      #expect(out.shape == x.shape)
      expectClose(
        out.doubles, rmsNormTwin(x.doubles, weight.value.doubles, epsilon: Double(Float(1e-6))), relative: 2e-6)
    }
  }

  @Test("a large common offset costs layer norm few digits")
  func offset() {
    let x = Tensor.random([3, 65], seed: 6, in: 1000..<1001)
    let weight = Parameter.random("w", [65], seed: 7), bias = Parameter.random("b", [65], seed: 8)
    let expected = layerNormTwin(x.doubles, weight.value.doubles, bias.value.doubles, epsilon: 1e-6)
    expectClose(layerNorm(x, weight, bias, epsilon: 1e-6, tape: nil).doubles, expected, relative: 5e-4)
  }

  @Test("layer norm's gradients are the slopes", arguments: [(1, 7), (5, 33), (130, 3)])
  func layerSlopes(rows: Int, width: Int) {
    let tape = Tape()
    let x = tape.watch(Tensor.random([rows, width], seed: 11, in: -2..<3))
    let weight = Parameter.random("w", [width], seed: 12), bias = Parameter.random("b", [width], seed: 13)
    let seed = Tensor.random([rows, width], seed: 14)
    tape.backward(from: layerNorm(x, weight, bias, epsilon: 1e-3, tape: tape), seed: seed)
    let (points, gain, shift) = (x.doubles, weight.value.doubles, bias.value.doubles)
    func twin(_ x: [Double], _ w: [Double], _ b: [Double]) -> Double {
      weightedSum(layerNormTwin(x, w, b, epsilon: Double(Float(1e-3))), seed.doubles)
    }
    expectGradient(tape.gradient(of: x), at: points, elements: 165, "x") { twin($0, gain, shift) }
    expectGradient(weight.gradient, at: gain, "weight") { twin(points, $0, shift) }
    expectGradient(bias.gradient, at: shift, "bias") { twin(points, gain, $0) }
  }

  @Test("RMS norm's gradients are the slopes, also head by head", arguments: [(1, 7, 1), (5, 11, 3), (130, 3, 1)])
  func rmsSlopes(rows: Int, width: Int, heads: Int) {
    let tape = Tape()
    let x = tape.watch(Tensor.random([rows, heads * width], seed: 21, in: -2..<3))
    let weight = Parameter.random("w", [width], seed: 22)
    let seed = Tensor.random([rows, heads * width], seed: 23)
    tape.backward(from: rmsNorm(x, weight, epsilon: 1e-3, tape: tape), seed: seed)
    let (points, gain) = (x.doubles, weight.value.doubles)
    func twin(_ x: [Double], _ w: [Double]) -> Double {
      weightedSum(rmsNormTwin(x, w, epsilon: Double(Float(1e-3))), seed.doubles)
    }
    expectGradient(tape.gradient(of: x), at: points, elements: 165, "x") { twin($0, gain) }
    expectGradient(weight.gradient, at: gain, "weight") { twin(points, $0) }
  }

  @Test("frozen norms hand the gradient on and get none")
  func frozen() {
    let weight = Parameter.random("w", [6], seed: 31, trainable: false)
    let bias = Parameter.random("b", [6], seed: 32, trainable: false)
    let plain = Tensor.random([5, 6], seed: 33)
    let tape = Tape()
    #expect(layerNorm(plain, weight, bias, epsilon: 1e-6, tape: tape).node == nil)
    #expect(rmsNorm(plain, weight, epsilon: 1e-6, tape: tape).node == nil)
    let x = tape.watch(plain)
    let out = rmsNorm(layerNorm(x, weight, bias, epsilon: 1e-6, tape: tape), weight, epsilon: 1e-6, tape: tape)
    tape.backward(from: out, seed: Tensor.random([5, 6], seed: 34))
    #expect(weight.gradient == nil && bias.gradient == nil)
    #expect(tape.gradient(of: x) != nil)
  }

  @Test("the digits do not depend on the number of threads")
  func threads() {
    let x = Tensor.random([333, 130], seed: 41), seed = Tensor.random([333, 130], seed: 42)
    func run(_ threads: Int) -> [Tensor?] {
      withThreads(threads) {
        let tape = Tape()
        let watched = tape.watch(x)
        let weight = Parameter.random("w", [130], seed: 43), bias = Parameter.random("b", [130], seed: 44)
        let inner = layerNorm(watched, weight, bias, epsilon: 1e-6, tape: tape)
        let out = rmsNorm(inner, weight, epsilon: 1e-6, tape: tape)
        tape.backward(from: out, seed: seed)
        return [out, tape.gradient(of: watched), weight.gradient, bias.gradient]
      }
    }
    let one = run(1)
    for threads in [1, 2, 3] {
      for (index, pair) in zip(run(threads), one).enumerated() {
        expectSameBits(pair.0, pair.1, "result \(index) with \(threads) threads")
      }
    }
  }
}
