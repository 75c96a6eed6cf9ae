import Carina
import Foundation
import TestSupport
import Testing

@Suite("CUDA: optimizer", .enabled(if: CUDATestDevice.isPresent, Comment(rawValue: CUDATestDevice.reason)))
struct CUDAOptimizerTests {
  private let cpu = TestBackend.cpu
  private let card: CUDABackend

  init() throws { card = try CUDATwin.card.get() }

  private func constants(step: Int) -> AdamWConstants {
    var powers = DecayPowers(beta1: 0.9, beta2: 0.999)
    return AdamWConstants(
      rate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, powers: powers.power(step), gradientScale: 0.7)
  }

  /// The fp32 numbers of a weight on the processor, from its tensors on either side.
  private func whole(_ value: Tensor, _ remainder: Tensor?) -> Tensor {
    guard let remainder else { return CUDATwin.onHost(value) }
    let result = Tensor(uninitialized: value.shape, on: TestBackend.cpu)
    cpu.join(upper: CUDATwin.onHost(value), lower: CUDATwin.onHost(remainder), into: result)
    return result
  }

  /// A weight in one piece or two halves.
  private func weight(_ count: Int, isSplit: Bool) -> (value: Tensor, remainder: Tensor?) {
    let value = CUDATwin.random([count], seed: 1)
    guard isSplit else { return (value, nil) }
    let upper = Tensor(uninitialized: [count], elementType: .bfloat16, on: TestBackend.cpu)
    let lower = Tensor(uninitialized: [count], elementType: .bfloat16, on: TestBackend.cpu)
    cpu.split(value, upper: upper, lower: lower)
    return (upper, lower)
  }

  @Test("five steps follow the processor's, of whole and of split weights", arguments: [false, true])
  func steps(isSplit: Bool) throws {
    for count in [1, 1003, 4096] {
      let (value, remainder) = weight(count, isSplit: isSplit)
      let ownValue = try CUDATwin.onCard(value), ownRemainder = try remainder.map { try CUDATwin.onCard($0) }
      let first = Tensor(zeros: [count], on: TestBackend.cpu), second = Tensor(zeros: [count], on: TestBackend.cpu)
      let ownFirst = Tensor(zeros: [count], on: card), ownSecond = Tensor(zeros: [count], on: card)
      for step in 1...5 {
        let gradient = try CUDATwin.pair([count], seed: UInt64(step) + 1, in: -0.01..<0.02)
        let constants = constants(step: step)
        let corrections = (Float(1 - constants.power1), Float(1 - constants.power2))
        card.adamW(
          ownValue, remainder: ownRemainder, gradient: gradient.card, first: ownFirst, second: ownSecond, constants,
          decay: 0.1, correction1: corrections.0, correction2: corrections.1)
        cpu.adamW(
          value, remainder: remainder, gradient: gradient.host, first: first, second: second, constants, decay: 0.1,
          correction1: corrections.0, correction2: corrections.1)
      }
      expectClose(whole(ownValue, ownRemainder), whole(value, remainder), relative: 1e-6, "weights")
      expectClose(CUDATwin.onHost(ownFirst), first, relative: 1e-6, "first moment")
      expectClose(CUDATwin.onHost(ownSecond), second, relative: 1e-6, "second moment")
    }
    try CUDATwin.expectNoFailure()
  }

  @Test(
    "a step with moments in 8 bits follows the processor's, of whole and of split weights", arguments: [false, true])
  func codedStep(isSplit: Bool) throws {
    for count in [5000, 4096, 300] {
      let (value, remainder) = weight(count, isSplit: isSplit)
      let ownValue = try CUDATwin.onCard(value), ownRemainder = try remainder.map { try CUDATwin.onCard($0) }
      let blocks = EightBitMoments.scaleCount(count)
      var generator = SeededGenerator(seed: 3, stream: "codes")
      let hosts = (0..<2).map { moment in
        let codes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
        return (
          codes: Tensor([count], elementType: .uint8, on: cpu) { bytes in
            codes.withUnsafeBytes { bytes.copyMemory(from: $0) }
          },
          scales: CUDATwin.random([blocks], seed: UInt64(moment) + 4, in: moment == 0 ? 0.001..<0.01 : 1e-6..<1e-4)
        )
      }
      let owns = try hosts.map { (codes: try CUDATwin.onCard($0.codes), scales: try CUDATwin.onCard($0.scales)) }
      let gradient = try CUDATwin.pair([count], seed: 6, in: -0.01..<0.02)
      let constants = constants(step: 3)
      let corrections = (Float(1 - constants.power1), Float(1 - constants.power2))
      card.adamW(
        ownValue, remainder: ownRemainder, gradient: gradient.card, first: owns[0], second: owns[1], constants,
        decay: 0.1, correction1: corrections.0, correction2: corrections.1)
      cpu.adamW(
        value, remainder: remainder, gradient: gradient.host, first: hosts[0], second: hosts[1], constants, decay: 0.1,
        correction1: corrections.0, correction2: corrections.1)
      expectClose(whole(ownValue, ownRemainder), whole(value, remainder), relative: 1e-6, "weights")
      for (moment, (own, host)) in zip(owns, hosts).enumerated() {
        expectClose(
          CUDATwin.onHost(own.scales), host.scales, relative: 1e-6, scale: .element, "scales of moment \(moment)")
        let found = CUDATwin.onHost(own.codes).withHostBytes { Array($0) },
          expected = host.codes.withHostBytes { Array($0) }
        let differences = zip(found, expected).map { abs(Int($0) - Int($1)) }
        // Numbers just between two codes may fall to either side.
        #expect((differences.max() ?? 0) <= 1, "moment \(moment)")
        #expect(differences.reduce(0, +) <= count / 200, "moment \(moment)")
      }
    }
    try CUDATwin.expectNoFailure()
  }

  @Test("steps of many tensors at once give the bits of one after the other, of all forms and of uneven sizes")
  func manySteps() throws {
    func steps() throws -> [AdamWStep] {
      // Sizes about the pieces' of 16,384 numbers, and one whose addresses are not of 16 bytes.
      let forms: [(count: Int, isSplit: Bool, isCoded: Bool, offset: Int)] = [
        (1, false, false, 0), (40_000, false, false, 0), (16_384, true, false, 0), (0, false, false, 0),
        (5000, true, true, 0), (16_385, false, true, 0), (300, false, false, 1), (49_152, true, false, 0),
        (33_000, true, true, 1), (7, true, false, 3),
      ]
      return try forms.enumerated().map { index, form in
        let (value, remainder) = weight(form.count, isSplit: form.isSplit)
        let constants = constants(step: 1 + index % 3), seed = UInt64(10 * index)
        func moment(_ seed: UInt64) throws -> Tensor {
          guard form.isCoded else { return try CUDATwin.pair([form.count], seed: seed, in: 1e-6..<1e-3).card }
          var generator = SeededGenerator(seed: seed, stream: "codes")
          let codes = (0..<form.count).map { _ in UInt8.random(in: 0...255, using: &generator) }
          return try CUDATwin.onCard(
            Tensor([form.count], elementType: .uint8, on: cpu) { bytes in
              codes.withUnsafeBytes { bytes.copyMemory(from: $0) }
            })
        }
        func scales(_ seed: UInt64) throws -> Tensor {
          try CUDATwin.onCard(
            CUDATwin.random([EightBitMoments.scaleCount(form.count)], seed: seed, in: 0.001..<0.01))
        }
        return AdamWStep(
          value: try CUDATwin.onCard(value), remainder: try remainder.map { try CUDATwin.onCard($0) },
          gradient: try CUDATwin.pair([form.count], seed: seed, in: -0.01..<0.02, offset: form.offset).card,
          first: try moment(seed + 1), second: try moment(seed + 2),
          scales: form.isCoded ? (try scales(seed + 3), try scales(seed + 4)) : nil, constants: constants,
          decay: index % 2 == 0 ? 0.1 : 0, correction1: Float(1 - constants.power1),
          correction2: Float(1 - constants.power2))
      }
    }
    func bytes(_ step: AdamWStep) -> [[UInt8]] {
      [step.value, step.remainder, step.first, step.second, step.scales?.first, step.scales?.second].compactMap {
        $0?.withHostBytes { Array($0) }
      }
    }
    let together = try steps(), single = try steps(), untouched = try steps()
    card.adamW(together)
    for step in single { card.adamW([step]) }
    for (index, (one, other)) in zip(together, single).enumerated() {
      #expect(bytes(one) == bytes(other), "tensor \(index)")
      if one.value.count > 0 { #expect(bytes(one) != bytes(untouched[index]), "tensor \(index) has not moved") }
    }
    try CUDATwin.expectNoFailure()
  }

  @Test("moments too small for a scale become zero")
  func tinyMoments() throws {
    let count = 512
    func state(_ backend: any Backend) -> (
      Tensor, Tensor, (codes: Tensor, scales: Tensor), (codes: Tensor, scales: Tensor)
    ) {
      func moment() -> (codes: Tensor, scales: Tensor) {
        (
          Tensor([count], elementType: .uint8, on: backend) { $0.initializeMemory(as: UInt8.self, repeating: 200) },
          Tensor([Float](repeating: .leastNormalMagnitude / 8, count: 2), shape: [2], on: backend)
        )
      }
      return (Tensor(zeros: [count], on: backend), Tensor(zeros: [count], on: backend), moment(), moment())
    }
    func step(_ backend: any Backend) -> (Tensor, (codes: Tensor, scales: Tensor)) {
      let (value, gradient, first, second) = state(backend)
      backend.adamW(
        value, remainder: nil, gradient: gradient, first: first, second: second, constants(step: 1), decay: 0,
        correction1: 0.1, correction2: 0.001)
      return (value, first)
    }
    let (value, first) = step(card), (_, expected) = step(cpu)
    let isFinite = CUDATwin.onHost(value).values.allSatisfy { $0.isFinite }
    #expect(isFinite)
    expectSameBits(CUDATwin.onHost(first.scales), expected.scales, "scales")
    let codes = CUDATwin.onHost(first.codes).withHostBytes { Array($0) }
    let expectedCodes = expected.codes.withHostBytes { Array($0) }
    #expect(codes == expectedCodes)
    try CUDATwin.expectNoFailure()
  }

  @Test("sums of squares in double precision, of one tensor and of many at once")
  func sumsOfSquares() throws {
    let tensors = try [1, 0, 1003, 40_000, 17].enumerated().map { index, count in
      try CUDATwin.pair([count], index % 2 == 0 ? .float32 : .bfloat16, seed: UInt64(index), offset: index % 3)
    }
    let sums = card.sumsOfSquares(tensors.map(\.card)), expected = tensors.map { cpu.sumOfSquares($0.host) }
    expectClose(sums, expected, relative: 1e-12, scale: .element, "sums")
    let single = tensors.map { card.sumOfSquares($0.card) }
    #expect(sums == single)
    try CUDATwin.expectNoFailure()
  }
}
