import Carina
import TestSupport
import Testing

@Suite("Linear with adapters") struct AdaptedLinearTests {
  /// Which numbers a mask keeps, 1 or 0, from its definition.
  private static func kept(_ mask: DropoutMask, _ rows: Int, _ width: Int) -> [Double] {
    func mixed(_ x: UInt32) -> UInt32 {
      var x = x ^ (x >> 16)
      x = x &* 0x7feb_352d
      x ^= x >> 15
      x = x &* 0x846c_a68b
      return x ^ (x >> 16)
    }
    let (low, high) = (UInt32(truncatingIfNeeded: mask.key), UInt32(truncatingIfNeeded: mask.key >> 32))
    let threshold = UInt32(min(mask.probability * 0x1p32, 0x1p32 - 1))
    return (0..<rows).flatMap { row in
      let own = mixed(low &+ UInt32(row) &* 0x9e37_79b9) ^ high
      return (0..<width).map { mixed(own &+ UInt32($0) &* 0x85eb_ca6b) >= threshold ? 1.0 : 0 }
    }
  }

  private struct Case {
    let x: Tensor, weight: Parameter, bias: Parameter, terms: [LowRankTerm]

    init(rows: Int, inputs: Int, outputs: Int, ranks: [Int], mask: DropoutMask?, type: ElementType = .float32) {
      x = Tensor.random([rows, inputs], seed: 1)
      weight = Parameter.random("w", [outputs, inputs], seed: 2, type: type, trainable: false)
      bias = Parameter.random("b", [outputs], seed: 3, trainable: false, decays: false)
      terms = ranks.enumerated().map { index, rank in
        LowRankTerm(
          a: Parameter.random("a\(index)", [rank, inputs], seed: UInt64(10 + index), type: type),
          b: Parameter.random("b\(index)", [outputs, rank], seed: UInt64(20 + index), type: type),
          scale: Float(index) + 0.5, mask: index == 0 ? mask : nil)
      }
    }

    /// The same in double precision, with other numbers where they are given.
    func twin(x: [Double]? = nil, a: [Double]? = nil, b: [Double]? = nil) -> [Double] {
      let type = weight.value.elementType, rows = self.x.rows, inputs = self.x.width
      let x = x ?? self.x.converted(to: type).doubles
      var sum = DoubleMatrix.linear(
        DoubleMatrix(x, rows: rows, columns: inputs), DoubleMatrix(weight.value), bias.value.doubles)
      for (index, term) in terms.enumerated() {
        let kept = term.mask.map { AdaptedLinearTests.kept($0, rows, inputs) }
        let dropped = x.indices.map { x[$0] * (kept?[$0] ?? 1) / (1 - (term.mask?.probability ?? 0)) }
        let rank = term.a.shape[0]
        let left = DoubleMatrix(
          index == 0 ? a ?? term.a.value.doubles : term.a.value.doubles, rows: rank, columns: inputs)
        let right = DoubleMatrix(
          index == 0 ? b ?? term.b.value.doubles : term.b.value.doubles, rows: weight.shape[0], columns: rank)
        let change = DoubleMatrix(dropped, rows: rows, columns: inputs) * left.transposed * right.transposed
        for position in sum.values.indices { sum.values[position] += Double(term.scale) * change.values[position] }
      }
      return sum.values
    }
  }

  private static let mask = DropoutMask(key: 0x1234_5678_9abc_def1, probability: 0.25)

  @Test(
    "agrees with plain loops, few rows and many, one adapter and two", arguments: [ElementType.float32, .bfloat16],
    [1, 3, 70])
  func forward(type: ElementType, rows: Int) {
    for ranks in [[1], [4], [16, 3]] {
      for mask in [nil, Self.mask] {
        let test = Case(rows: rows, inputs: 33, outputs: 65, ranks: ranks, mask: mask, type: type)
        let out = linear(ProductInput(test.x, as: type), test.weight, test.bias, adding: test.terms, tape: nil)
        // In bfloat16 the rows of A are rounded as well.
        expectClose(out.doubles, test.twin(), relative: type == .float32 ? 3e-6 : 0x1p-7, "\(ranks)")
      }
    }
  }

  @Test("gradients agree with finite differences, with numbers dropped and without", arguments: [false, true])
  func gradients(isDropped: Bool) {
    let test = Case(rows: 7, inputs: 9, outputs: 5, ranks: [3, 2], mask: isDropped ? Self.mask : nil)
    for term in test.terms { for factor in [term.a, term.b] { factor.setTrainable(true) } }
    let tape = Tape(), x = tape.watch(test.x), seed = Tensor.random([7, 5], seed: 30)
    let out = linear(ProductInput(x, as: .float32), test.weight, test.bias, adding: test.terms, tape: tape)
    tape.backward(from: out, seed: seed)
    let weights = seed.doubles, first = test.terms[0]
    expectGradient(tape.gradient(of: x), at: test.x.doubles, "x") { weightedSum(test.twin(x: $0), weights) }
    expectGradient(first.a.gradient, at: first.a.value.doubles, "A") { weightedSum(test.twin(a: $0), weights) }
    expectGradient(first.b.gradient, at: first.b.value.doubles, "B") { weightedSum(test.twin(b: $0), weights) }
    #expect(test.terms[1].a.gradient != nil && test.terms[1].b.gradient != nil)
    #expect(test.weight.gradient == nil && test.bias.gradient == nil)
  }

  @Test("frozen adapters get no gradient and hand that of their input on")
  func frozen() {
    let test = Case(rows: 4, inputs: 6, outputs: 3, ranks: [2], mask: nil)
    for factor in [test.terms[0].a, test.terms[0].b] { factor.setTrainable(false) }
    let tape = Tape(), x = tape.watch(test.x)
    let out = linear(ProductInput(x, as: .float32), test.weight, test.bias, adding: test.terms, tape: tape)
    tape.backward(from: out, seed: Tensor.random([4, 3], seed: 30))
    #expect(tape.gradient(of: x) != nil && test.terms[0].a.gradient == nil && test.terms[0].b.gradient == nil)
    let unrecorded = linear(
      ProductInput(test.x, as: .float32), test.weight, test.bias, adding: test.terms, tape: Tape())
    #expect(unrecorded.node == nil)
  }

  @Test("a mask is its definition, whatever the type and the threads, and drops about the part that was asked for")
  func masks() {
    let ones = Tensor([Float](repeating: 1, count: 300 * 171), shape: [300, 171])
    for probability in [0.0, 0.1, 0.25, 0.9] {
      let mask = DropoutMask(key: 0xfedc_ba98_7654_3210, probability: probability)
      let expected = Self.kept(mask, 300, 171)
      for type in [ElementType.float32, .bfloat16] {
        let source = ones.converted(to: type), target = Tensor(uninitialized: [300, 171], elementType: type)
        TestBackend.cpu.drop(source, mask, into: target)
        #expect(target.doubles == expected)
      }
      let sum = Tensor(zeros: [300, 171])
      TestBackend.cpu.addKept(ones, mask, to: sum)
      #expect(sum.doubles == expected)
      let part = 1 - expected.reduce(0, +) / Double(expected.count)
      #expect(abs(part - probability) < 0.01)
    }
    let dropout = AdapterDropout(probability: 0.5, seed: 3), a = Parameter.random("a", [2, 40], seed: 1)
    let b = Parameter.random("b", [40, 2], seed: 2),
      map = LowRankAdapter(map: "m", a: a, b: b, scale: 1, dropout: dropout)
    let other = LowRankAdapter(map: "n", a: a, b: b, scale: 1, dropout: dropout)
    #expect(map.term.mask == nil)
    let masks = [(0, 0), (0, 1), (1, 0)].map { step, batch in
      dropout.training(step: step, batch: batch) { [map.term.mask?.key, map.term.mask?.key, other.term.mask?.key] }
    }
    #expect(masks.allSatisfy { $0[0] == $0[1] } && Set(masks.flatMap { $0 }).count == 6 && map.term.mask == nil)
  }
}
