import Carina
import Foundation
import TestSupport
import Testing

@Suite(
  "CUDA: number by number", .enabled(if: CUDATestDevice.isPresent, Comment(rawValue: CUDATestDevice.reason)))
struct CUDAElementwiseTests {
  private let cpu = TestBackend.cpu
  private let card: CUDABackend
  private let counts = [(1, 0), (1003, 0), (1003, 1), (4096, 0)]

  init() throws { card = try CUDATwin.card.get() }

  @Test("sums of every mix of types, into a tensor of its own and into a summand")
  func addition() throws {
    for (count, offset) in counts {
      for a in CUDATwin.types {
        for b in CUDATwin.types {
          for target in CUDATwin.types {
            let x = try CUDATwin.pair([count], a, seed: 1, offset: offset), y = try CUDATwin.pair([count], b, seed: 2)
            let out = try CUDATwin.unset([count], target),
              expected = Tensor(uninitialized: [count], on: TestBackend.cpu)
            card.add(x.card, y.card, into: out)
            cpu.add(x.host, y.host, into: expected)
            CUDATwin.expectAgree(out, expected, "\(a) + \(b) as \(target)")
          }
        }
      }
      let x = try CUDATwin.pair([count], seed: 3), y = try CUDATwin.pair([count], .bfloat16, seed: 4)
      card.add(x.card, y.card, into: x.card)
      cpu.add(x.host, y.host, into: x.host)
      CUDATwin.expectAgree(x.card, x.host, "in place")
    }
    try CUDATwin.expectNoFailure()
  }

  @Test("types are converted with the processor's bits, halves and two halves too")
  func conversions() throws {
    let count = 1 << 16
    var generator = SeededGenerator(seed: 5, stream: "bits")
    let wild = Tensor(
      (0..<count).map { _ in Float(bitPattern: UInt32.random(in: 0...UInt32.max, using: &generator)) }, shape: [count],
      on: TestBackend.cpu)
    let onCard = try CUDATwin.onCard(wild)
    let isNumber = wild.values.map { !$0.isNaN }
    func expectSameNumbers(_ found: Tensor, _ expected: Tensor, _ label: String) {
      let found = CUDATwin.onHost(found).values.map(\.bitPattern), expected = expected.values.map(\.bitPattern)
      let areSame = found.indices.allSatisfy { !isNumber[$0] || found[$0] == expected[$0] }
      #expect(areSame, Comment(rawValue: label))
    }
    expectSameNumbers(onCard.converted(to: .bfloat16), wild.converted(to: .bfloat16), "narrowed")
    let narrow = wild.converted(to: .bfloat16)
    expectSameBits(
      CUDATwin.onHost(try CUDATwin.onCard(narrow).converted(to: .float32)), narrow.converted(to: .float32), "widened")

    let halves = (0..<count).map { UInt16($0) }
    let (widened, expected) = halves.withUnsafeBytes { bytes in
      (Tensor.fromFloat16(bytes, shape: [count], on: card), Tensor.fromFloat16(bytes, shape: [count], on: cpu))
    }
    expectSameBits(CUDATwin.onHost(widened), expected, "IEEE halves")

    func parts(_ backend: any Backend, _ x: Tensor) -> (upper: Tensor, lower: Tensor, joined: Tensor) {
      let upper = Tensor(uninitialized: [count], elementType: .bfloat16, on: backend)
      let lower = Tensor(uninitialized: [count], elementType: .bfloat16, on: backend)
      let joined = Tensor(uninitialized: [count], on: backend)
      backend.split(x, upper: upper, lower: lower)
      backend.join(upper: upper, lower: lower, into: joined)
      return (upper, lower, joined)
    }
    let found = parts(card, onCard), wanted = parts(cpu, wild)
    expectSameBits(CUDATwin.onHost(found.upper), wanted.upper, "upper halves")
    expectSameBits(CUDATwin.onHost(found.lower), wanted.lower, "lower halves")
    expectSameBits(CUDATwin.onHost(found.joined), wanted.joined, "joined")
    try CUDATwin.expectNoFailure()
  }

  @Test("one number that is not finite is found wherever it stands")
  func finiteness() throws {
    for type in CUDATwin.types {
      for (index, bad) in [(0, Float.nan), (517, .infinity), (1002, -.infinity)] {
        var values = CUDATwin.random([1003], seed: 6).values
        let good = try CUDATwin.onCard(Tensor(values, shape: [1003], on: TestBackend.cpu).converted(to: type))
        #expect(good.isFinite)
        values[index] = bad
        let broken = try CUDATwin.onCard(Tensor(values, shape: [1003], on: TestBackend.cpu).converted(to: type))
        #expect(!broken.isFinite)
      }
    }
    try CUDATwin.expectNoFailure()
  }

  @Test("dropout keeps the processor's numbers")
  func dropout() throws {
    let mask = DropoutMask(key: 0xfeed_beef_0123_4567, probability: 0.3)
    for width in [37, 64] {
      for source in CUDATwin.types {
        for target in CUDATwin.types {
          let x = try CUDATwin.pair([19, width], source, seed: 7), out = try CUDATwin.unset([19, width], target)
          let expected = Tensor(uninitialized: [19, width], on: TestBackend.cpu)
          card.drop(x.card, mask, into: out)
          cpu.drop(x.host, mask, into: expected)
          CUDATwin.expectAgree(out, expected, "\(source) dropped into \(target)")
          let isZeroThere = zip(CUDATwin.onHost(out).values, expected.values).allSatisfy { ($0 == 0) == ($1 == 0) }
          #expect(isZeroThere)

          let sum = try CUDATwin.pair([19, width], target, seed: 8)
          card.addKept(x.card, mask, to: sum.card)
          cpu.addKept(x.host, mask, to: sum.host)
          CUDATwin.expectAgree(sum.card, sum.host, "\(source) added to \(target)")
        }
      }
    }
    try CUDATwin.expectNoFailure()
  }

  @Test("factors, biases and sums of columns")
  func biases() throws {
    for type in CUDATwin.types {
      for (rows, width) in [(1, 1), (70, 37), (300, 136), (5, 1000)] {
        let x = try CUDATwin.pair([rows, width], type, seed: 9), bias = try CUDATwin.pair([width], seed: 10)
        let sums = try CUDATwin.pair([width], seed: 11), again = try CUDATwin.pair([width], seed: 11)
        card.addColumnSums(x.card, to: sums.card)
        card.addColumnSums(x.card, to: again.card)
        expectSameBits(CUDATwin.onHost(sums.card), CUDATwin.onHost(again.card), "the same sums twice")
        cpu.addColumnSums(x.host, to: sums.host)
        CUDATwin.expectAgree(sums.card, sums.host, "sums of [\(rows), \(width)]")
        card.addBias(bias.card, to: x.card)
        cpu.addBias(bias.host, to: x.host)
        CUDATwin.expectAgree(x.card, x.host, "bias on [\(rows), \(width)]")
      }
      let x = try CUDATwin.pair([1003], type, seed: 12)
      card.scale(x.card, by: 0.37)
      cpu.scale(x.host, by: 0.37)
      CUDATwin.expectAgree(x.card, x.host, "scaled")
    }
    try CUDATwin.expectNoFailure()
  }

  @Test("GELU of both kinds and its gradient", arguments: [GELUKind.exact, .tanhApproximation])
  func gelu(kind: GELUKind) throws {
    for (count, offset) in counts {
      for x in CUDATwin.types {
        for out in CUDATwin.types {
          let input = try CUDATwin.pair([count], x, seed: 13, in: -6..<6, offset: offset)
          let result = try CUDATwin.unset([count], out), expected = Tensor(uninitialized: [count], on: TestBackend.cpu)
          card.gelu(input.card, kind, into: result)
          cpu.gelu(input.host, kind, into: expected)
          CUDATwin.expectAgree(result, expected, "gelu of \(x) into \(out)")
          for d in CUDATwin.types {
            let dout = try CUDATwin.pair([count], d, seed: 14), dx = try CUDATwin.unset([count], out)
            card.geluBackward(input.card, dout.card, kind, into: dx)
            cpu.geluBackward(input.host, dout.host, kind, into: expected)
            CUDATwin.expectAgree(dx, expected, "gradient of \(x) by \(d) into \(out)")
          }
        }
      }
    }
    try CUDATwin.expectNoFailure()
  }

  @Test("the gated GELU of two tensors and of one with both side by side")
  func gatedGELU() throws {
    let rows = 7
    for width in [13, 40] {
      for x in CUDATwin.types {
        for out in CUDATwin.types {
          let gate = try CUDATwin.pair([rows, width], x, seed: 15, in: -4..<4)
          let up = try CUDATwin.pair([rows, width], x, seed: 16)
          let both = try CUDATwin.onCard(beside(gate.host, up.host).converted(to: x))
          let result = try CUDATwin.unset([rows, width], out), joint = try CUDATwin.unset([rows, width], out)
          let expected = Tensor(uninitialized: [rows, width], on: TestBackend.cpu)
          card.gatedGELU(gate: gate.card, up: up.card, into: result)
          card.gatedGELU(gateAndUp: both, into: joint)
          cpu.gatedGELU(gate: gate.host, up: up.host, into: expected)
          CUDATwin.expectAgree(result, expected, "\(x) into \(out)")
          expectSameBits(CUDATwin.onHost(joint), CUDATwin.onHost(result), "side by side")
          for d in CUDATwin.types {
            let dout = try CUDATwin.pair([rows, width], d, seed: 17)
            let dgate = try CUDATwin.unset([rows, width], out), dup = try CUDATwin.unset([rows, width], out)
            let dboth = try CUDATwin.unset([rows, 2 * width], out),
              expectedUp = Tensor(uninitialized: [rows, width], on: TestBackend.cpu)
            card.gatedGELUBackward(gate: gate.card, up: up.card, dout.card, dgate: dgate, dup: dup)
            card.gatedGELUBackward(gateAndUp: both, dout.card, into: dboth)
            cpu.gatedGELUBackward(gate: gate.host, up: up.host, dout.host, dgate: expected, dup: expectedUp)
            CUDATwin.expectAgree(dgate, expected, "gate's gradient, \(x), \(d), \(out)")
            CUDATwin.expectAgree(dup, expectedUp, "up's gradient, \(x), \(d), \(out)")
            CUDATwin.expectAgree(dboth, beside(expected, expectedUp), "side by side, \(x), \(d), \(out)")
          }
        }
      }
    }
    try CUDATwin.expectNoFailure()
  }

  /// Rows of two tensors side by side.
  private func beside(_ a: Tensor, _ b: Tensor) -> Tensor {
    let width = a.width, first = a.values, second = b.values
    var both: [Float] = []
    for row in 0..<a.rows {
      both += first[row * width..<(row + 1) * width]
      both += second[row * width..<(row + 1) * width]
    }
    return Tensor(both, shape: [a.rows, 2 * width], on: TestBackend.cpu)
  }

  @Test("nothing is done where there is nothing")
  func emptyTensors() throws {
    let none = Tensor(uninitialized: [0], on: card), rows = Tensor(uninitialized: [0, 8], on: card)
    let some = try CUDATwin.pair([8], seed: 18)
    card.add(none, none, into: none)
    card.convert(none, into: Tensor(uninitialized: [0], elementType: .bfloat16, on: card))
    #expect(card.isFinite(none))
    card.scale(none, by: 2)
    card.gelu(none, .exact, into: none)
    card.gatedGELU(gate: none, up: none, into: none)
    card.addBias(some.card, to: rows)
    card.addColumnSums(rows, to: some.card)
    card.rmsNorm(rows, gain: some.card, epsilon: 1e-6, into: rows, inverses: none)
    card.rmsNormBackward(rows, gain: some.card, inverses: none, rows, into: rows, dgain: some.card)
    card.layerNormBackward(
      rows, gain: some.card, means: none, inverses: none, rows, into: rows, dgain: some.card, dshift: some.card)
    card.copyRows(of: rows, [], to: rows, [])
    card.addRows(of: rows, scale: 1, to: rows, [])
    card.embedding([], some.card.reshaped([1, 8]), scale: 1, into: rows)
    card.crossEntropy(rows, targets: [], scale: 1, losses: none)
    #expect(card.sumOfSquares(none) == 0)
    try CUDATwin.expectNoFailure()
    expectSameBits(CUDATwin.onHost(some.card), some.host, "untouched")
  }
}
