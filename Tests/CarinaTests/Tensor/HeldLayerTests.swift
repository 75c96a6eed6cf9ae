import TestSupport
import Testing

import Carina

/// The operations of a batch in pieces beside those of a batch in one, on sizes for which factors are packed and on such
/// that leave rests.
@Suite("Layers of held matrices") struct HeldLayerTests {
  private static let sizes = [(rows: 320, inputs: 128, outputs: 192), (rows: 77, inputs: 72, outputs: 50)]

  private struct Layers {
    let gain: Parameter, shift: Parameter, expand: Parameter, bias: Parameter, contract: Parameter, offset: Parameter
    var all: [Parameter] { [gain, shift, expand, bias, contract, offset] }
  }

  private func random(_ count: Int, _ seed: UInt64, scale: Float = 1) -> [Float] {
    var generator = SeededGenerator(seed: seed, stream: "held")
    return (0..<count).map { _ in Float.random(in: -scale...scale, using: &generator) }
  }

  private func layers(_ inputs: Int, _ outputs: Int, _ type: ElementType, on backend: any Backend) -> Layers {
    func parameter(_ name: String, _ shape: [Int], _ seed: UInt64, _ scale: Float) -> Parameter {
      let values = random(shape.reduce(1, *), seed, scale: scale)
      let isMatrix = shape.count > 1
      let parameter = Parameter(
        name: name, value: Tensor(values, shape: shape, on: backend).converted(to: isMatrix ? type : .float32),
        decays: isMatrix)
      parameter.setTrainable(true)
      if isMatrix { parameter.hold() }
      return parameter
    }
    return Layers(
      gain: parameter("gain", [inputs], 1, 1), shift: parameter("shift", [inputs], 2, 0.2),
      expand: parameter("expand", [outputs, inputs], 3, 0.2), bias: parameter("bias", [outputs], 4, 0.5),
      contract: parameter("contract", [inputs, outputs], 5, 0.2), offset: parameter("offset", [inputs], 6, 0.5))
  }

  /// Result, gradient of the argument and gradients of the weights, twice added up.
  private func run(
    _ size: (rows: Int, inputs: Int, outputs: Int), _ type: ElementType, _ kind: GELUKind, isHeld: Bool,
    known: Tensor? = nil
  ) -> (result: [Float], term: Tensor?, gradients: [[Float]]) {
    let backend = TestBackend.chosen, layers = layers(size.inputs, size.outputs, type, on: backend)
    let x = Tensor(random(size.rows * size.inputs, 7), shape: [size.rows, size.inputs], on: backend)
    let seed = Tensor(random(size.rows * size.inputs, 8), shape: [size.rows, size.inputs], on: backend)
    var result: [Float] = [], term: Tensor?, gradients: [[Float]] = []
    // Matrices are packed when they are used again, and gradients are added to those of the first time.
    for _ in 0..<2 {
      let tape = Tape(), argument = tape.watch(x)
      let out: Tensor
      if isHeld {
        let normed = heldLayerNorm(argument, layers.gain, layers.shift, epsilon: 1e-6, as: type, tape: tape)
        let active = heldActivation(normed, layers.expand, layers.bias, kind, tape: tape)
        let added = heldLinear(active, layers.contract, layers.offset, known: known, as: type, tape: tape)
        term = added.detached
        out = add(argument, added, tape: tape)
      } else {
        let normed = layerNorm(argument, layers.gain, layers.shift, epsilon: 1e-6, tape: tape)
        let active = gelu(linear(normed, layers.expand, layers.bias, tape: tape), kind: kind, tape: tape)
        out = add(argument, linear(active, layers.contract, layers.offset, tape: tape), tape: tape)
      }
      tape.backward(from: out, seed: seed)
      result = out.values
      gradients = (tape.gradient(of: argument).map { [$0.values] } ?? []) + layers.all.map { $0.gradient?.values ?? [] }
    }
    return (result, term, gradients)
  }

  private func distance(_ one: [Float], _ other: [Float]) -> Double {
    guard one.count == other.count, !one.isEmpty else { return .infinity }
    let away = zip(one, other).reduce(0.0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }
    return (away / other.reduce(0.0) { $0 + Double($1 * $1) }).squareRoot()
  }

  @Test("results and gradients are those of the plain operations, up to rounding", arguments: sizes)
  func asPlain(size: (rows: Int, inputs: Int, outputs: Int)) {
    for (type, most) in [(ElementType.float32, 1e-6), (.bfloat16, 0.006)] {
      for kind in [GELUKind.tanhApproximation, .exact] {
        let plain = run(size, type, kind, isHeld: false), held = run(size, type, kind, isHeld: true)
        #expect(distance(held.result, plain.result) < most)
        #expect(held.gradients.count == 7 && plain.gradients.count == 7)
        for (index, (one, other)) in zip(held.gradients, plain.gradients).enumerated() {
          #expect(distance(one, other) < most, "\(type), \(kind), gradient \(index)")
        }
      }
    }
  }

  @Test("a result that is known makes the same bits as one that is computed", arguments: sizes)
  func known(size: (rows: Int, inputs: Int, outputs: Int)) throws {
    for type in [ElementType.float32, .bfloat16] {
      let computed = run(size, type, .tanhApproximation, isHeld: true)
      let term = try #require(computed.term)
      #expect(term.elementType == type)
      let known = run(size, type, .tanhApproximation, isHeld: true, known: term)
      #expect(known.result == computed.result && known.gradients == computed.gradients)
      // A kept result is used, not computed beside it.
      let zeros = Tensor(zeros: term.shape, elementType: type, on: term.backend)
      let other = run(size, type, .tanhApproximation, isHeld: true, known: zeros)
      #expect(other.result == random(size.rows * size.inputs, 7))
    }
  }

  @Test("a map with a summand is the map and a sum, forwards and back", arguments: sizes)
  func summand(size: (rows: Int, inputs: Int, outputs: Int)) throws {
    for (type, most) in [(ElementType.float32, 1e-6), (.bfloat16, 0.006)] {
      let backend = TestBackend.chosen, layers = layers(size.inputs, size.outputs, type, on: backend)
      let x = Tensor(random(size.rows * size.inputs, 7), shape: [size.rows, size.inputs], on: backend)
      let summand = Tensor(random(size.rows * size.outputs, 9), shape: [size.rows, size.outputs], on: backend)
      let seed = Tensor(random(size.rows * size.outputs, 8), shape: [size.rows, size.outputs], on: backend)
      func run(_ body: (Tensor, Tensor, Tape) -> Tensor) -> [[Float]] {
        for parameter in layers.all { parameter.clearGradient() }
        let tape = Tape(), left = tape.watch(x), right = tape.watch(summand), out = body(left, right, tape)
        tape.backward(from: out, seed: seed)
        return [out.values]
          + [tape.gradient(of: left), tape.gradient(of: right), layers.expand.gradient, layers.bias.gradient].map {
            $0?.values ?? []
          }
      }
      let plain = run { add($1, linear($0, layers.expand, layers.bias, tape: $2), tape: $2) }
      for _ in 0..<2 {
        let held = run {
          heldLinear(
            HeldRows($0, as: type), layers.expand, layers.bias, summand: $1, as: .float32, tape: $2)
        }
        for (one, other) in zip(held, plain) { #expect(distance(one, other) < most, "\(type)") }
      }
    }
  }
}
