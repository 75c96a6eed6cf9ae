import Carina
import TestSupport
import Testing

@Suite("CUDA: maps with adapters", .enabled(if: CUDATestDevice.isPresent, Comment(rawValue: CUDATestDevice.reason)))
struct CUDAAdaptedLinearTests {
  private let cpu = TestBackend.cpu
  private let card: CUDABackend

  init() throws { card = try CUDATwin.card.get() }

  /// A backend of its own, which keeps activations in `type`.
  private func opened(_ type: ElementType) throws -> CUDABackend {
    try CUDABackend(index: CUDATestDevice.survey.devices.first?.index ?? 0, activations: type)
  }

  private func copy(_ source: Tensor, to card: CUDABackend) -> Tensor {
    source.withHostBytes { bytes in
      Tensor(source.shape, elementType: source.elementType, on: card) { $0.copyMemory(from: bytes) }
    }
  }

  @Test("a factor on a product, whose result is rounded once", arguments: [5, 70])
  func factors(rows: Int) throws {
    for type in CUDATwin.types {
      let a = try CUDATwin.pair([rows, 64], type, seed: 1), b = try CUDATwin.pair([16, 64], type, seed: 2)
      let expected = Tensor(uninitialized: [rows, 16], on: cpu)
      cpu.multiply(MatrixFactor(a.host), MatrixFactor(b.host).transposed, into: expected, scaledBy: 0.3)
      for result in CUDATwin.types where type == .bfloat16 || result == .float32 {
        let out = try CUDATwin.unset([rows, 16], result)
        card.multiply(MatrixFactor(a.card), MatrixFactor(b.card).transposed, into: out, scaledBy: 0.3)
        CUDATwin.expectAgree(out, expected, "\(rows) rows, \(type) into \(result)")
      }
    }
    try CUDATwin.expectNoFailure()
  }

  /// Three maps of the same rows, with no, one and two adapters.
  private struct Maps {
    let x: Tensor, weights: [Parameter], terms: [[LowRankTerm]]

    init(_ type: ElementType, mask: DropoutMask?, _ copy: (Tensor) throws -> Tensor) throws {
      func numbers(_ shape: [Int], _ seed: UInt64) throws -> Tensor {
        try copy(CUDATwin.random(shape, seed: seed).converted(to: type))
      }
      x = try numbers([70, 48], 1)
      weights = try (0..<3).map {
        Parameter(name: "w\($0)", value: try numbers([40, 48], 2 + UInt64($0)), decays: true)
      }
      terms = try weights.indices.map { map in
        try [16, 4].prefix(map).map { rank in
          let seed = UInt64(10 * map + rank)
          let a = Parameter(name: "a", value: try numbers([rank, 48], 100 + seed), decays: true)
          let b = Parameter(name: "b", value: try numbers([40, rank], 200 + seed), decays: true)
          for factor in [a, b] { factor.setTrainable(true) }
          return LowRankTerm(a: a, b: b, scale: 0.3, mask: mask)
        }
      }
    }

    /// The results, then the gradients of x and of the factors, all maps' results having that of their sum.
    func run(_ seed: Tensor) throws -> [Tensor] {
      let tape = Tape(), watched = tape.watch(x), input = ProductInput(watched, as: weights[0].value.elementType)
      let outs = zip(weights, terms).map { weight, terms in
        terms.isEmpty ? linear(input, weight, tape: tape) : linear(input, weight, nil, adding: terms, tape: tape)
      }
      tape.backward(from: add(add(outs[0], outs[1], tape: tape), outs[2], tape: tape), seed: seed)
      let factors = terms.flatMap { $0 }.flatMap { [$0.a, $0.b] }
      return outs + [try #require(tape.gradient(of: watched))] + (try factors.map { try #require($0.gradient) })
    }
  }

  @Test("maps of the same rows, results and gradients", arguments: [false, true])
  func maps(isDropped: Bool) throws {
    let mask = isDropped ? DropoutMask(key: 0x1234_5678_9abc_def1, probability: 0.25) : nil
    for type in CUDATwin.types {
      let own = try opened(type), seed = CUDATwin.random([70, 40], seed: 9).converted(to: type)
      let found = try Maps(type, mask: mask) { copy($0, to: own) }.run(copy(seed, to: own))
      let expected = try Maps(type, mask: mask) { $0.converted(to: .float32) }.run(seed.converted(to: .float32))
      #expect(found[3].elementType == type && found[4...].allSatisfy { $0.elementType == .float32 })
      for (index, pair) in zip(found, expected).enumerated() {
        // In bfloat16 what is inside a map is rounded as well, and on the card each result.
        let relative = type == .bfloat16 ? 0x1p-7 : index < 3 ? 1e-5 : 1e-4
        expectClose(CUDATwin.onHost(pair.0).converted(to: .float32), pair.1, relative: relative, "\(type) \(index)")
      }
      try own.throwFailure()
    }
  }

  @Test("a map with an adapter is three products, and five for its gradients, with nothing between them")
  func launches() throws {
    let own = try opened(.bfloat16)
    let maps = try Maps(.bfloat16, mask: nil) { copy($0, to: own) }
    let seed = Tensor(zeros: [70, 40], elementType: .bfloat16, on: own)
    own.startTiming()
    let tape = Tape(), watched = tape.watch(maps.x), input = ProductInput(watched, as: .bfloat16)
    let out = linear(input, maps.weights[1], nil, adding: maps.terms[1], tape: tape)
    tape.backward(from: out, seed: seed)
    // With a gradient of the rows present, the next map adds to it.
    let first = own.operationTimes()
    own.startTiming()
    let again = linear(input, maps.weights[2], nil, adding: maps.terms[1], tape: tape)
    tape.backward(from: again, seed: seed)
    let second = own.operationTimes()
    for totals in [first, second] {
      #expect(
        totals.reduce(0) { $0 + $1.count } == 8 && totals.allSatisfy { $0.name.hasPrefix("product") }, "\(totals)")
    }
    try own.throwFailure()
  }
}
