import Carina
import TestSupport
import Testing

@Suite("Norms with what stands beside them") struct FusedNormTests {
  /// Who reads the results of `sumAndNorm`.
  enum Readers: CaseIterable { case both, sum, norm }

  private struct Numbers: Equatable {
    var results: [[Float]] = [], gradients: [[Float]?] = []

    mutating func collect(_ tape: Tape, _ watched: [Tensor], _ weights: [Parameter]) {
      gradients = watched.map { tape.gradient(of: $0)?.values } + weights.map { $0.gradient?.values }
    }
  }

  private func onBackend(_ backend: any Backend, _ shape: [Int], seed: UInt64, _ type: ElementType = .float32) -> Tensor
  {
    Tensor(Tensor.random(shape, seed: seed).values, shape: shape, on: backend).converted(to: type)
  }

  private func weight(_ name: String, _ width: Int, seed: UInt64, isTrained: Bool, on backend: any Backend) -> Parameter
  {
    let parameter = Parameter(name: name, value: onBackend(backend, [width], seed: seed), decays: false)
    parameter.setTrainable(isTrained)
    return parameter
  }

  /// Sum, norm and all gradients; of weights those of two passes, added.
  private func sums(on backend: any Backend, _ readers: Readers, trains: (branch: Bool, sum: Bool)) -> Numbers {
    let shape = [13, 96], branchWeight = weight("branch", 96, seed: 3, isTrained: trains.branch, on: backend)
    let own = weight("sum", 96, seed: 4, isTrained: trains.sum, on: backend)
    var numbers = Numbers()
    for _ in 0..<2 {
      let tape = Tape(), x = tape.watch(onBackend(backend, shape, seed: 1))
      let branch = tape.watch(onBackend(backend, shape, seed: 2, backend.activations))
      let (sum, norm) = sumAndNorm(x, branch, branchWeight: branchWeight, weight: own, epsilon: 1e-6, tape: tape)
      let result =
        switch readers {
        case .both: add(sum, norm, tape: tape)
        case .sum: sum
        case .norm: norm
        }
      numbers.results = [sum.converted(to: .float32).values, norm.converted(to: .float32).values]
      tape.backward(from: result, seed: onBackend(backend, shape, seed: 5))
      numbers.collect(tape, [x, branch], [branchWeight, own])
    }
    return numbers
  }

  private func rotations(on backend: any Backend, isTrained: Bool) -> Numbers {
    let table = RotaryTable(headSize: 16, base: 10_000, positionCount: 32), shape = [7, 48]
    let gain = weight("heads", 16, seed: 2, isTrained: isTrained, on: backend)
    var numbers = Numbers()
    for _ in 0..<2 {
      let tape = Tape(), x = tape.watch(onBackend(backend, shape, seed: 1, backend.activations))
      let out = normRotation(
        x, gain, epsilon: 1e-6, table: table, positions: (0..<7).map { Int32($0 * 5 % 32) }, tape: tape)
      numbers.results = [out.converted(to: .float32).values]
      tape.backward(from: out, seed: onBackend(backend, shape, seed: 3))
      numbers.collect(tape, [x], [gain])
    }
    return numbers
  }

  private func expectAgree(_ found: Numbers, _ expected: Numbers, _ label: String) {
    for (found, expected) in zip(found.results, expected.results) {
      expectClose(found, expected, relative: 1e-5, label)
    }
    #expect(found.gradients.map { $0 == nil } == expected.gradients.map { $0 == nil }, "\(label)")
    for case (let found?, let expected?) in zip(found.gradients, expected.gradients) {
      expectClose(found, expected, relative: 1e-4, label)
    }
  }

  @Test("a sum and its norm in one pass have the bytes of three operations", arguments: Readers.allCases)
  func sumAndNormInOnePass(readers: Readers) {
    for trains in [(true, true), (true, false), (false, true), (false, false)] {
      for type in [ElementType.float32, .bfloat16] {
        let plain = sums(on: DeviceLikeBackend(activations: type, fusesNorms: false), readers, trains: trains)
        let fused = sums(on: DeviceLikeBackend(activations: type), readers, trains: trains)
        #expect(plain == fused, "\(readers) \(trains) \(type)")
        if type == .float32 { #expect(sums(on: TestBackend.cpu, readers, trains: trains) == fused) }
      }
    }
  }

  @Test("heads normed and rotated in one pass have the bytes of two operations", arguments: [true, false])
  func rotationInOnePass(isTrained: Bool) {
    for type in [ElementType.float32, .bfloat16] {
      let plain = rotations(on: DeviceLikeBackend(activations: type, fusesNorms: false), isTrained: isTrained)
      #expect(plain == rotations(on: DeviceLikeBackend(activations: type), isTrained: isTrained), "\(type)")
    }
  }

  @Test("where nothing is recorded, nothing has a gradient")
  func offTheTape() {
    let backend = DeviceLikeBackend(), gain = weight("w", 32, seed: 3, isTrained: true, on: backend)
    let x = onBackend(backend, [3, 32], seed: 1), branch = onBackend(backend, [3, 32], seed: 2)
    #expect(sumAndNorm(x, branch, branchWeight: gain, weight: gain, epsilon: 1e-6, tape: nil).norm.node == nil)
    let frozen = weight("w", 32, seed: 3, isTrained: false, on: backend)
    let results = sumAndNorm(x, branch, branchWeight: frozen, weight: frozen, epsilon: 1e-6, tape: Tape())
    #expect(results.sum.node == nil && results.norm.node == nil)
    // Only the norm of the sum is recorded.
    let some = sumAndNorm(x, branch, branchWeight: frozen, weight: gain, epsilon: 1e-6, tape: Tape())
    #expect(some.sum.node == nil && some.norm.node != nil)
  }

  @Test(
    "on a card they agree with the processor",
    .enabled(if: CUDATestDevice.isPresent, Comment(rawValue: CUDATestDevice.reason)), arguments: Readers.allCases)
  func onACard(readers: Readers) throws {
    let card = try CUDABackend(index: CUDATestDevice.survey.devices.first?.index ?? 0, activations: .float32)
    #expect(card.fusedNorms != nil)
    for trains in [(true, true), (true, false), (false, true), (false, false)] {
      expectAgree(
        sums(on: card, readers, trains: trains), sums(on: TestBackend.cpu, readers, trains: trains),
        "\(readers) \(trains)")
    }
    for isTrained in [true, false] {
      expectAgree(
        rotations(on: card, isTrained: isTrained), rotations(on: TestBackend.cpu, isTrained: isTrained), "rotations")
    }
    try card.throwFailure()
  }
}
