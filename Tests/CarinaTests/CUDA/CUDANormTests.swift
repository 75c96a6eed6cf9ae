import Carina
import TestSupport
import Testing

@Suite("CUDA: norms", .enabled(if: CUDATestDevice.isPresent, Comment(rawValue: CUDATestDevice.reason)))
struct CUDANormTests {
  private let cpu = TestBackend.cpu
  private let card: CUDABackend
  /// Short rows for a warp, some for blocks, and some that do not fit runs of 16 bytes.
  private let shapes = [(37, 256), (9, 1152), (3, 2560), (11, 37), (2, 1153), (900, 8)]

  init() throws { card = try CUDATwin.card.get() }

  @Test("RMS norm and its gradient")
  func rmsNorm() throws {
    for (rows, width) in shapes {
      let gain = try CUDATwin.pair([width], seed: 1, in: -0.3..<0.3)
      for xType in CUDATwin.types {
        let x = try CUDATwin.pair([rows, width], xType, seed: 2)
        let inverses = Tensor(uninitialized: [rows], on: TestBackend.cpu),
          expected = Tensor(uninitialized: [rows, width], on: TestBackend.cpu)
        for type in CUDATwin.types {
          let out = try CUDATwin.unset([rows, width], type), own = try CUDATwin.unset([rows])
          card.rmsNorm(x.card, gain: gain.card, epsilon: 1e-6, into: out, inverses: own)
          cpu.rmsNorm(x.host, gain: gain.host, epsilon: 1e-6, into: expected, inverses: inverses)
          CUDATwin.expectAgree(out, expected, "[\(rows), \(width)] \(xType) into \(type)")
          CUDATwin.expectAgree(own, inverses, "inverses of [\(rows), \(width)]")
        }
        let kept = try CUDATwin.onCard(inverses), residual = try CUDATwin.pair([rows, width], seed: 3)
        for type in CUDATwin.types {
          for dtype in CUDATwin.types {
            let dout = try CUDATwin.pair([rows, width], dtype, seed: 4),
              label = "[\(rows), \(width)] \(xType) \(dtype) \(type)"
            let dx = try CUDATwin.unset([rows, width], type), sum = try CUDATwin.unset([rows, width], type)
            let dgain = try CUDATwin.pair([width], seed: 5)
            card.rmsNormBackward(x.card, gain: gain.card, inverses: kept, dout.card, into: dx, dgain: dgain.card)
            card.rmsNormBackward(
              x.card, gain: gain.card, inverses: kept, dout.card, residual: residual.card, into: sum, dgain: nil)
            cpu.rmsNormBackward(
              x.host, gain: gain.host, inverses: inverses, dout.host, into: expected, dgain: dgain.host)
            CUDATwin.expectAgree(dx, expected, relative: 1e-4, "dx of \(label)")
            CUDATwin.expectAgree(dgain.card, dgain.host, relative: 1e-4, "dgain of \(label)")
            cpu.add(expected, residual.host, into: expected)
            CUDATwin.expectAgree(sum, expected, relative: 1e-4, "dx and residual of \(label)")
          }
        }
      }
    }
    try CUDATwin.expectNoFailure()
  }

  @Test("layer norm and its gradient, of weights that are trained or not")
  func layerNorm() throws {
    for (rows, width) in shapes {
      let gain = try CUDATwin.pair([width], seed: 1, in: 0.5..<1.5), shift = try CUDATwin.pair([width], seed: 2)
      for xType in CUDATwin.types {
        let x = try CUDATwin.pair([rows, width], xType, seed: 3, in: -1..<3)
        let means = Tensor(uninitialized: [rows], on: TestBackend.cpu),
          inverses = Tensor(uninitialized: [rows], on: TestBackend.cpu)
        let expected = Tensor(uninitialized: [rows, width], on: TestBackend.cpu)
        for type in CUDATwin.types {
          let out = try CUDATwin.unset([rows, width], type)
          let ownMeans = try CUDATwin.unset([rows]), ownInverses = try CUDATwin.unset([rows])
          card.layerNorm(
            x.card, gain: gain.card, shift: shift.card, epsilon: 1e-6, into: out, means: ownMeans, inverses: ownInverses
          )
          cpu.layerNorm(
            x.host, gain: gain.host, shift: shift.host, epsilon: 1e-6, into: expected, means: means, inverses: inverses)
          CUDATwin.expectAgree(out, expected, "[\(rows), \(width)] \(xType) into \(type)")
          CUDATwin.expectAgree(ownMeans, means, "means of [\(rows), \(width)]")
          CUDATwin.expectAgree(ownInverses, inverses, "inverses of [\(rows), \(width)]")
        }
        for type in CUDATwin.types {
          for dtype in CUDATwin.types {
            for wanted in 0..<4 {
              try layerNormBackward(
                x, gain, means, inverses, dtype, type, wantsGain: wanted & 1 == 1, wantsShift: wanted & 2 == 2)
            }
          }
        }
      }
    }
    try CUDATwin.expectNoFailure()
  }

  private func layerNormBackward(
    _ x: CUDATwin.Pair, _ gain: CUDATwin.Pair, _ means: Tensor, _ inverses: Tensor, _ dtype: ElementType,
    _ type: ElementType, wantsGain: Bool, wantsShift: Bool
  ) throws {
    let shape = x.host.shape, label = "\(shape) \(x.card.elementType) \(dtype) \(type)"
    let dout = try CUDATwin.pair(shape, dtype, seed: 4), dx = try CUDATwin.unset(shape, type)
    let residual = wantsGain == wantsShift ? try CUDATwin.pair(shape, seed: 7) : nil
    let dgain = wantsGain ? try CUDATwin.pair([shape[1]], seed: 5) : nil
    let dshift = wantsShift ? try CUDATwin.pair([shape[1]], seed: 6) : nil
    card.layerNormBackward(
      x.card, gain: gain.card, means: try CUDATwin.onCard(means), inverses: try CUDATwin.onCard(inverses), dout.card,
      residual: residual?.card, into: dx, dgain: dgain?.card, dshift: dshift?.card)
    let expected = Tensor(uninitialized: shape, on: TestBackend.cpu)
    cpu.layerNormBackward(
      x.host, gain: gain.host, means: means, inverses: inverses, dout.host, into: expected, dgain: dgain?.host,
      dshift: dshift?.host)
    if let residual { cpu.add(expected, residual.host, into: expected) }
    CUDATwin.expectAgree(dx, expected, relative: 1e-4, "dx of \(label)")
    if let dgain { CUDATwin.expectAgree(dgain.card, dgain.host, relative: 1e-4, "dgain of \(label)") }
    if let dshift { CUDATwin.expectAgree(dshift.card, dshift.host, relative: 1e-4, "dshift of \(label)") }
  }

  @Test("fresh gradients of weights are written, also of no rows, with the numbers of those added to zeros")
  func freshGradients() throws {
    for rows in [0, 1, 1700] {
      let width = 72
      let x = try CUDATwin.pair([rows, width], seed: 15).card, dout = try CUDATwin.pair([rows, width], seed: 16).card
      let gain = try CUDATwin.pair([width], seed: 17).card, dx = try CUDATwin.unset([rows, width], .float32)
      let inverses = try CUDATwin.pair([rows], seed: 18, in: 0.5..<2).card
      let means = try CUDATwin.pair([rows], seed: 19).card
      /// The gain's of an RMS norm, gain's and shift's of a layer norm, and sums of columns.
      func gradients(isFresh: Bool) throws -> [[Float]] {
        let targets = try (0..<4).map { _ in
          isFresh ? try CUDATwin.unset([width], .float32) : Tensor(zeros: [width], on: card)
        }
        card.rmsNormBackward(
          x, gain: gain, inverses: inverses, dout, into: dx, dgain: targets[0], isFresh: isFresh)
        card.layerNormBackward(
          x, gain: gain, means: means, inverses: inverses, dout, into: dx, dgain: targets[1], dshift: targets[2],
          isFresh: isFresh)
        card.addColumnSums(x, to: targets[3], isFresh: isFresh)
        return targets.map(\.values)
      }
      #expect(try gradients(isFresh: true) == gradients(isFresh: false), "\(rows) rows")
    }
    try CUDATwin.expectNoFailure()
  }

  @Test("rows of length 1 and their gradient")
  func lengths() throws {
    for (rows, width) in shapes {
      for xType in CUDATwin.types {
        let x = try CUDATwin.pair([rows, width], xType, seed: 8)
        let inverses = Tensor(uninitialized: [rows], on: TestBackend.cpu),
          expected = Tensor(uninitialized: [rows, width], on: TestBackend.cpu)
        for type in CUDATwin.types {
          let out = try CUDATwin.unset([rows, width], type), own = try CUDATwin.unset([rows])
          card.l2Normalize(x.card, into: out, inverses: own)
          cpu.l2Normalize(x.host, into: expected, inverses: inverses)
          CUDATwin.expectAgree(out, expected, "[\(rows), \(width)] \(xType) into \(type)")
          CUDATwin.expectAgree(own, inverses, "inverses of [\(rows), \(width)]")
          for dtype in CUDATwin.types {
            let dout = try CUDATwin.pair([rows, width], dtype, seed: 9), dx = try CUDATwin.unset([rows, width], type)
            let result = CUDATwin.onHost(out).converted(to: .float32),
              gradient = Tensor(uninitialized: [rows, width], on: TestBackend.cpu)
            card.l2NormalizeBackward(out, inverses: own, dout.card, into: dx)
            cpu.l2NormalizeBackward(result, inverses: CUDATwin.onHost(own), dout.host, into: gradient)
            CUDATwin.expectAgree(dx, gradient, relative: 1e-4, "dx of [\(rows), \(width)] \(type) \(dtype)")
          }
        }
      }
    }
    try CUDATwin.expectNoFailure()
  }

  @Test("gradients of weights are the same bytes twice")
  func determinism() throws {
    let rows = 1700, width = 64
    let x = try CUDATwin.pair([rows, width], .bfloat16, seed: 10),
      dout = try CUDATwin.pair([rows, width], .bfloat16, seed: 11)
    let gain = try CUDATwin.pair([width], seed: 12), inverses = try CUDATwin.pair([rows], seed: 13, in: 0.5..<2)
    let gradients = try (0..<2).map { _ in
      let dgain = try CUDATwin.pair([width], seed: 14).card, dx = try CUDATwin.unset([rows, width], .bfloat16)
      card.rmsNormBackward(x.card, gain: gain.card, inverses: inverses.card, dout.card, into: dx, dgain: dgain)
      return CUDATwin.onHost(dgain)
    }
    expectSameBits(gradients[0], gradients[1], "dgain")
    try CUDATwin.expectNoFailure()
  }
}
