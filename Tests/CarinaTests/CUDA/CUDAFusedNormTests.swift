import Carina
import TestSupport
import Testing

@Suite(
  "CUDA: norms with what is beside them",
  .enabled(if: CUDATestDevice.isPresent, Comment(rawValue: CUDATestDevice.reason)))
struct CUDAFusedNormTests {
  private let cpu = TestBackend.cpu
  private let card: CUDABackend
  private let shapes = [(37, 256), (9, 1152), (11, 37), (2, 1153)]

  init() throws { card = try CUDATwin.card.get() }

  /// The processor's RMS norm.
  private func norm(_ x: Tensor, _ gain: Tensor) -> (out: Tensor, inverses: Tensor) {
    let out = Tensor(uninitialized: x.shape, on: TestBackend.cpu),
      inverses = Tensor(uninitialized: [x.count / gain.count], on: TestBackend.cpu)
    cpu.rmsNorm(x, gain: gain, epsilon: 1e-6, into: out, inverses: inverses)
    return (out, inverses)
  }

  @Test("a sum and its norm are those of three primitives, and so are their gradients")
  func addRMSNorm() throws {
    for (rows, width) in shapes {
      let shape = [rows, width]
      let x = try CUDATwin.pair(shape, seed: 1), gain = try CUDATwin.pair([width], seed: 2, in: -0.3..<0.3)
      let branchGain = try CUDATwin.pair([width], seed: 3, in: -0.3..<0.3)
      for type in CUDATwin.types {
        let branch = try CUDATwin.pair(shape, type, seed: 4), normed = norm(branch.host, branchGain.host)
        for outType in CUDATwin.types {
          for hasNorm in [false, true] {
            let label = "\(shape) \(type) \(outType)"
            let expectedSum = Tensor(uninitialized: shape, on: TestBackend.cpu)
            cpu.add(x.host, hasNorm ? normed.out : branch.host, into: expectedSum)
            let expected = norm(expectedSum, gain.host)
            let sum = try CUDATwin.unset(shape), out = try CUDATwin.unset(shape, outType)
            let inverses = try CUDATwin.unset([rows]), branchInverses = hasNorm ? try CUDATwin.unset([rows]) : nil
            card.addRMSNorm(
              x.card, branch.card, branchGain: hasNorm ? branchGain.card : nil, gain: gain.card, epsilon: 1e-6,
              sum: sum, out: out, branchInverses: branchInverses, inverses: inverses)
            CUDATwin.expectAgree(sum, expectedSum, "sum, \(label)")
            CUDATwin.expectAgree(out, expected.out, "norm, \(label)")
            CUDATwin.expectAgree(inverses, expected.inverses, "inverses, \(label)")
            if let branchInverses {
              CUDATwin.expectAgree(branchInverses, normed.inverses, "branch's inverses, \(label)")
            }
          }
          try backward(x, branch, gain, branchGain, outType)
        }
      }
    }
    try CUDATwin.expectNoFailure()
  }

  private func backward(
    _ x: CUDATwin.Pair, _ branch: CUDATwin.Pair, _ gain: CUDATwin.Pair, _ branchGain: CUDATwin.Pair, _ type: ElementType
  ) throws {
    let shape = x.host.shape, width = shape[1], label = "\(shape) \(branch.card.elementType) \(type)"
    let normed = norm(branch.host, branchGain.host), sum = Tensor(uninitialized: shape, on: TestBackend.cpu)
    cpu.add(x.host, normed.out, into: sum)
    let inverses = norm(sum, gain.host).inverses
    let dout = try CUDATwin.pair(shape, type, seed: 5), residual = try CUDATwin.pair(shape, seed: 6)
    let dx = Tensor(uninitialized: shape, on: TestBackend.cpu),
      dbranch = Tensor(uninitialized: shape, on: TestBackend.cpu)
    let dgain = try CUDATwin.pair([width], seed: 7), dbranchGain = try CUDATwin.pair([width], seed: 8)
    cpu.rmsNormBackward(sum, gain: gain.host, inverses: inverses, dout.host, into: dx, dgain: dgain.host)
    cpu.add(dx, residual.host, into: dx)
    cpu.rmsNormBackward(
      branch.host, gain: branchGain.host, inverses: normed.inverses, dx, into: dbranch, dgain: dbranchGain.host)
    for wanted in 0..<4 {
      let ownGain = wanted & 1 == 1 ? try CUDATwin.pair([width], seed: 7).card : nil
      let ownBranchGain = wanted & 2 == 2 ? try CUDATwin.pair([width], seed: 8).card : nil
      // In the residual's own memory.
      let own = residual.card.copied(), ownBranch = try CUDATwin.unset(shape, branch.card.elementType)
      card.addRMSNormBackward(
        sum: try CUDATwin.onCard(sum), gain: gain.card, inverses: try CUDATwin.onCard(inverses), dout.card,
        residual: own,
        branch: branch.card, branchGain: branchGain.card, branchInverses: try CUDATwin.onCard(normed.inverses), dx: own,
        dbranch: ownBranch, dgain: ownGain, dbranchGain: ownBranchGain)
      CUDATwin.expectAgree(own, dx, relative: 1e-4, "dx, \(label)")
      CUDATwin.expectAgree(ownBranch, dbranch, relative: 1e-4, "dbranch, \(label)")
      if let ownGain { CUDATwin.expectAgree(ownGain, dgain.host, relative: 1e-4, "dgain, \(label)") }
      if let ownBranchGain {
        CUDATwin.expectAgree(ownBranchGain, dbranchGain.host, relative: 1e-4, "branch's dgain, \(label)")
      }
    }
  }

  @Test(
    "heads normed and turned are those of two primitives, and so are their gradients", arguments: [64, 256, 10, 320])
  func normRotate(size: Int) throws {
    let rows = 23, heads = 3, shape = [rows, heads * size]
    let table = RotaryTable(headSize: size, base: 10_000, positionCount: 40)
    let positions = (0..<rows).map { Int32($0 * 7 % 40) }
    let gain = try CUDATwin.pair([size], seed: 1, in: -0.3..<0.3)
    for xType in CUDATwin.types {
      let x = try CUDATwin.pair(shape, xType, seed: 2), normed = norm(x.host, gain.host)
      let expected = Tensor(uninitialized: shape, on: TestBackend.cpu)
      cpu.rotate(normed.out, table: table, positions: positions, direction: 1, into: expected)
      for type in CUDATwin.types {
        let out = try CUDATwin.unset(shape, type), inverses = try CUDATwin.unset([rows * heads])
        card.normRotate(
          x.card, gain: gain.card, epsilon: 1e-6, table: table, positions: positions, into: out, inverses: inverses)
        CUDATwin.expectAgree(out, expected, "\(xType) into \(type)")
        CUDATwin.expectAgree(inverses, normed.inverses, "inverses")
        for dtype in CUDATwin.types {
          let dout = try CUDATwin.pair(shape, dtype, seed: 3),
            turned = Tensor(uninitialized: shape, on: TestBackend.cpu)
          let dgain = try CUDATwin.pair([size], seed: 4), dx = Tensor(uninitialized: shape, on: TestBackend.cpu)
          cpu.rotate(dout.host, table: table, positions: positions, direction: -1, into: turned)
          cpu.rmsNormBackward(x.host, gain: gain.host, inverses: normed.inverses, turned, into: dx, dgain: dgain.host)
          for target in [dgain.card, nil] {
            let own = try CUDATwin.unset(shape, type)
            card.normRotateBackward(
              x.card, gain: gain.card, inverses: inverses, table: table, positions: positions, dout.card, into: own,
              dgain: target)
            CUDATwin.expectAgree(own, dx, relative: 1e-4, "dx of \(xType) \(dtype) \(type)")
          }
          CUDATwin.expectAgree(dgain.card, dgain.host, relative: 1e-4, "dgain of \(xType) \(dtype) \(type)")
        }
      }
    }
    try CUDATwin.expectNoFailure()
  }
}
