import TestSupport
import Testing

import Carina

@Suite("Gates of maps in bytes") struct GatedByteTests {
  private static let bounds: [Bool] = ByteRows.hasVectors ? [true, false] : [false]

  /// Numbers of both signs, out to where the gate is flat.
  private func narrow(_ shape: [Int], seed: UInt64, size: Double = 1) -> Tensor {
    Tensor.random(shape, seed: seed, in: -size..<size).converted(to: .bfloat16)
  }

  private func widened(_ x: Tensor) -> Tensor { x.converted(to: .float32) }

  /// How many whole numbers differ; none by more than 1.
  private func differences(_ one: ByteRows, _ other: ByteRows) -> Int {
    let pairs = zip(one.wholeNumbers, other.wholeNumbers)
    #expect(pairs.allSatisfy { abs($0 - $1) <= 1 })
    return pairs.filter { $0 != $1 }.count
  }

  @Test("their rows are those of the gate in fp32 to a few last digits, by vectors and without to the same bits")
  func forward() {
    let gate = narrow([5, 1030], seed: 1, size: 7), up = narrow([5, 1030], seed: 2)
    let factors = Tensor((0..<1030).map { $0 % 5 == 0 ? 0.25 : 1 }, shape: [1030])
    let expected = ByteRows(
      gatedGELU(gate: widened(gate), up: widened(up), tape: nil), factors: factors.floats, group: 1 << 15,
      on: TestBackend.cpu)
    var found: [(ByteRows, Tensor)] = []
    for byVectors in Self.bounds {
      let rounded = Tensor(uninitialized: gate.shape, elementType: .bfloat16, on: TestBackend.cpu)
      let rows = ByteRows.gated(
        gate: gate, up: up, factors: factors, rounded: rounded, byVectors: byVectors, on: TestBackend.cpu)
      #expect(differences(rows, expected) < 10)
      found.append((rows, rounded))
    }
    for (rows, rounded) in found {
      #expect(rows.wholeNumbers == found[0].0.wholeNumbers && rows.stepSizes == found[0].0.stepSizes)
      expectSameBits(widened(rounded), widened(found[0].1), "in 16 bits")
    }
    withExtendedLifetime(factors) {}
  }

  @Test("their gradients are those of the gate in fp32 likewise")
  func backward() {
    let gate = narrow([4, 519], seed: 1, size: 7), up = narrow([4, 519], seed: 2)
    let dout = Tensor.random([4, 519], seed: 3), scales = Tensor.random([519], seed: 4, in: 0.5..<1)
    let tape = Tape(), watched = (gate: tape.watch(widened(gate)), up: tape.watch(widened(up)))
    tape.backward(from: gatedGELU(gate: watched.gate, up: watched.up, tape: tape), seed: dout)
    var found: [ByteRows] = []
    for byVectors in Self.bounds {
      let rounded = (gate: narrow([4, 519], seed: 5), up: narrow([4, 519], seed: 6))
      let rows = ByteRows.gatedGradients(
        gate: gate, up: up, dout, factors: (scales, scales),
        rounded: (rounded.gate, rounded.up), byVectors: byVectors, on: TestBackend.cpu)
      for (rows, rounded, watched) in [(rows.gate, rounded.gate, watched.gate), (rows.up, rounded.up, watched.up)] {
        guard let gradient = tape.gradient(of: watched) else { return #expect(Bool(false), "no gradient") }
        let expected = ByteRows(gradient, factors: scales.floats, group: 1 << 15, on: TestBackend.cpu)
        #expect(differences(rows, expected) < 10)
        expectClose(widened(rounded).values, gradient.values, relative: 0.004, absolute: 1e-6)
        found.append(rows)
      }
    }
    for index in found.indices { #expect(found[index].wholeNumbers == found[index % 2].wholeNumbers) }
    withExtendedLifetime(scales) {}
  }

  @Test("a product may be rounded to bfloat16, and one that goes back may be added: the digits of doing it afterwards")
  func epilogues() {
    let matrix = QuantizedMatrix(Tensor.random([130, 200], seed: 2)), x = Tensor.random([17, 200], seed: 1)
    let rows = TestBackend.cpu.byteRows(x, activation: nil, factors: nil), summand = Tensor.random([17, 130], seed: 3)
    let gradient = Tensor.random([17, 130], seed: 4), before = Tensor.random([17, 200], seed: 5)
    for byVectors in Self.bounds {
      let wide = Tensor(uninitialized: [17, 130])
      let narrow = Tensor(uninitialized: [17, 130], elementType: .bfloat16, on: TestBackend.cpu)
      matrix.multiply(rows, bias: nil, summand: summand, byVectors: byVectors, into: wide)
      matrix.multiply(rows, bias: nil, summand: summand, byVectors: byVectors, into: narrow)
      expectSameBits(widened(narrow), widened(wide.converted(to: .bfloat16)), "by vectors: \(byVectors)")
    }
    let sum = summand.copied()
    matrix.multiply(rows, bias: nil, summand: sum, into: sum)
    let wide = Tensor(uninitialized: [17, 130])
    matrix.multiply(rows, bias: nil, summand: summand, into: wide)
    expectSameBits(sum, wide, "into the summand")
    let dx = before.copied(), alone = Tensor(uninitialized: [17, 200])
    matrix.multiplyBack(gradient, adds: true, into: dx)
    matrix.multiplyBack(gradient, into: alone)
    expectSameBits(dx, add(before, alone, tape: nil), "added")
  }

  /// A gated MLP: its result, and the gradients of x and of the factors of adapters.
  private func pass(
    _ x: Tensor, inBytes: Bool, adapted: Bool, trained: Bool = true, watched: Bool = true
  ) -> [Tensor?] {
    func map(_ name: String, _ outputs: Int, _ inputs: Int, seed: UInt64) -> AdaptedMap {
      let weight = Parameter.random(name, [outputs, inputs], seed: seed, type: .bfloat16, trainable: false)
      let term = LowRankTerm(
        a: Parameter.random("\(name).a", [3, inputs], seed: seed + 20, type: .bfloat16, trainable: trained),
        b: Parameter.random("\(name).b", [outputs, 3], seed: seed + 40, type: .bfloat16, trainable: trained), scale: 0.1
      )
      return AdaptedMap(weight: weight, terms: adapted ? [term] : [])
    }
    let gate = map("gate", 150, 96, seed: 1), up = map("up", 150, 96, seed: 2), down = map("down", 96, 150, seed: 3)
    if inBytes {
      Parameter.multiplyInBytes([gate.weight, up.weight])
      down.weight.multiplyInBytes()
    }
    let tape = Tape(), watchedX = watched ? tape.watch(x) : x, input = ProductInput(watchedX, as: .bfloat16)
    func apply(_ map: AdaptedMap, _ input: ProductInput) -> Tensor {
      adapted
        ? linear(input, map.weight, nil, adding: map.terms, tape: tape) : linear(input, map.weight, tape: tape)
    }
    let rows = gatedRows(input, gate: gate, up: up, for: down, tape: tape)
    #expect((rows != nil) == inBytes)
    let out = apply(
      down, rows ?? ProductInput(gatedGELU(gate: apply(gate, input), up: apply(up, input), tape: tape), as: .bfloat16))
    tape.backward(from: out, seed: Tensor.random(out.shape, seed: 9))
    let factors = [gate, up, down].flatMap { $0.terms.flatMap { [$0.a, $0.b] } }
    return [out, tape.gradient(of: watchedX)] + factors.map { $0.gradient }
  }

  @Test("an MLP with one stays near the MLP in 16 bits, with all its gradients", arguments: [false, true])
  func inMLP(adapted: Bool) {
    let x = Tensor.random([70, 96], seed: 7)
    let full = pass(x, inBytes: false, adapted: adapted), bytes = pass(x, inBytes: true, adapted: adapted)
    #expect(full.count == (adapted ? 8 : 2))
    for (full, bytes) in zip(full, bytes) {
      #expect(distance(bytes, full) < 0.03 && distance(bytes, full) > 1e-4)
    }
  }

  @Test("adapters are trained where x has no gradient, and x has one where they are frozen")
  func partly() {
    let x = Tensor.random([30, 96], seed: 7)
    let all = pass(x, inBytes: true, adapted: true)
    let frozen = pass(x, inBytes: true, adapted: true, trained: false)
    let alone = pass(x, inBytes: true, adapted: true, watched: false)
    expectSameBits(frozen[1], all[1], "x beside frozen adapters")
    #expect(frozen[2...].allSatisfy { $0 == nil } && alone[1] == nil)
    for index in 2..<all.count { expectSameBits(alone[index], all[index], "factor \(index)") }
  }

  @Test("a row's digits depend neither on how many rows there are nor on the number of threads")
  func independence() {
    let x = Tensor.random([60, 96], seed: 7)
    func result(_ range: Range<Int>) -> Tensor? { pass(x.rowSlice(range), inBytes: true, adapted: false)[0] }
    let all = withThreads(1) { result(0..<60) }
    for (first, count) in [(0, 1), (3, 2), (17, 31)] {
      for threads in [1, 2, 3] {
        let part = withThreads(threads) { result(first..<first + count) }
        expectSameBits(part, all?.rowSlice(first..<first + count), "\(count) rows, \(threads) threads")
      }
    }
  }

  /// Root mean square of the difference, in parts of that of the second.
  private func distance(_ one: Tensor?, _ other: Tensor?) -> Double {
    guard let one = one?.doubles, let other = other?.doubles, one.count == other.count else { return .infinity }
    let squares = zip(one, other).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    return (squares / other.reduce(0) { $0 + $1 * $1 }).squareRoot()
  }
}
