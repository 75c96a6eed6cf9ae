import Carina

/// One primitive after the other, as they stand where a backend fuses nothing.
extension DeviceLikeBackend: FusedNormKernels {
  var fusedNorms: (any FusedNormKernels)? { fusesNorms ? self : nil }

  func addRMSNorm(
    _ x: Tensor, _ branch: Tensor, branchGain: Tensor?, gain: Tensor, epsilon: Float, sum: Tensor, out: Tensor,
    branchInverses: Tensor?, inverses: Tensor
  ) {
    var summand = branch
    if let branchGain, let branchInverses {
      summand = Tensor(uninitialized: branch.shape, elementType: activations, on: self)
      rmsNorm(branch, gain: branchGain, epsilon: epsilon, into: summand, inverses: branchInverses)
    }
    add(x, summand, into: sum)
    rmsNorm(sum, gain: gain, epsilon: epsilon, into: out, inverses: inverses)
  }

  func addRMSNormBackward(
    sum: Tensor, gain: Tensor, inverses: Tensor, _ dout: Tensor, residual: Tensor, branch: Tensor, branchGain: Tensor,
    branchInverses: Tensor, dx: Tensor, dbranch: Tensor, dgain: Tensor?, dbranchGain: Tensor?, isFresh: Bool
  ) {
    let own = Tensor(uninitialized: dx.shape, on: self)
    rmsNormBackward(sum, gain: gain, inverses: inverses, dout, into: own, dgain: dgain, isFresh: isFresh)
    add(residual, own, into: dx)
    rmsNormBackward(
      branch, gain: branchGain, inverses: branchInverses, dx, into: dbranch, dgain: dbranchGain, isFresh: isFresh)
  }

  func normRotate(
    _ x: Tensor, gain: Tensor, epsilon: Float, table: RotaryTable, positions: [Int32], into out: Tensor,
    inverses: Tensor
  ) {
    let normed = Tensor(uninitialized: x.shape, elementType: activations, on: self)
    rmsNorm(x, gain: gain, epsilon: epsilon, into: normed, inverses: inverses)
    rotate(normed, table: table, positions: positions, direction: 1, into: out)
  }

  func normRotateBackward(
    _ x: Tensor, gain: Tensor, inverses: Tensor, table: RotaryTable, positions: [Int32], _ dout: Tensor,
    into dx: Tensor, dgain: Tensor?, isFresh: Bool
  ) {
    let turned = Tensor(uninitialized: x.shape, elementType: activations, on: self)
    rotate(dout, table: table, positions: positions, direction: -1, into: turned)
    rmsNormBackward(x, gain: gain, inverses: inverses, turned, into: dx, dgain: dgain, isFresh: isFresh)
  }
}
