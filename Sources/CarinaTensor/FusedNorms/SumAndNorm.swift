/// x + norm(branch), and the norm of that: what stands between the two halves of Gemma's blocks.
///
/// - Parameters:
///   - x: the residual stream, [R, D].
///   - branch: [R, D].
///   - branchWeight: gain minus 1 of the branch's norm, [D]; and `weight`: that of the sum's.
/// - Returns: the sum and its norm, [R, D] each.
package func sumAndNorm(
  _ x: Tensor, _ branch: Tensor, branchWeight: Parameter, weight: Parameter, epsilon: Float, tape: Tape?
) -> (sum: Tensor, norm: Tensor) {
  let backend = x.backend, isRecorded = x.node != nil || branch.node != nil || branchWeight.isTrainable
  guard let fused = backend.fusedNorms, x.elementType == .float32, tape == nil || isRecorded || !weight.isTrainable
  else {
    let sum = add(x, rmsNorm(branch, branchWeight, epsilon: epsilon, tape: tape), tape: tape)
    return (sum, rmsNorm(sum, weight, epsilon: epsilon, tape: tape))
  }
  let width = weight.count, rows = x.count / max(width, 1)
  precondition(
    branchWeight.count == width && rows * width == x.count && branch.count == x.count,
    "\(weight.name): \(branch.shape) to \(x.shape)")
  let gain = weight.value.converted(to: .float32), branchGain = branchWeight.value.converted(to: .float32)
  let sum = Tensor(uninitialized: x.shape, on: backend)
  let norm = Tensor(uninitialized: x.shape, elementType: backend.activations, on: backend)
  let inverses = Tensor(uninitialized: [rows], on: backend), branchInverses = Tensor(uninitialized: [rows], on: backend)
  fused.addRMSNorm(
    x, branch, branchGain: branchGain, gain: gain, epsilon: epsilon, sum: sum, out: norm,
    branchInverses: branchInverses, inverses: inverses)
  guard let tape, isRecorded else { return (sum, norm) }

  let xNode = x.node, branchNode = branch.node, branch = branch.detached
  let waiting = WaitingGradient()
  let recordedSum = tape.record(sum, parameter: branchWeight) { residual in
    let dbranch = Tensor(uninitialized: branch.shape, elementType: branch.elementType, on: backend)
    defer { branchNode?.accumulate(dbranch, isFresh: true) }
    guard let dout = waiting.take() else {
      let isFresh = branchWeight.gradient == nil
      backend.rmsNormBackward(
        branch, gain: branchGain, inverses: branchInverses, residual, into: dbranch,
        dgain: branchWeight.isTrainable ? branchWeight.gradientForSums(isFresh: isFresh) : nil, isFresh: isFresh)
      xNode?.accumulate(residual, isFresh: false)
      return
    }
    let dx = Tensor(uninitialized: sum.shape, on: backend), trained = [weight, branchWeight].filter(\.isTrainable)
    let isFresh = trained.allSatisfy { $0.gradient == nil }
    func sums(_ weight: Parameter) -> Tensor? {
      weight.isTrainable ? weight.gradientForSums(isFresh: isFresh) : nil
    }
    fused.addRMSNormBackward(
      sum: sum, gain: gain, inverses: inverses, dout, residual: residual.converted(to: .float32), branch: branch,
      branchGain: branchGain, branchInverses: branchInverses, dx: dx, dbranch: dbranch,
      dgain: sums(weight), dbranchGain: sums(branchWeight), isFresh: isFresh)
    xNode?.accumulate(dx, isFresh: true)
  }
  let sumNode = recordedSum.node
  let recordedNorm = tape.record(norm, parameter: weight) { dout in
    // What else reads the sum was recorded later, so its gradient is complete but for the norm's: both go back in one pass.
    guard sumNode?.gradient == nil else { return waiting.put(dout) }
    let dx = Tensor(uninitialized: sum.shape, on: backend), isFresh = weight.gradient == nil
    backend.rmsNormBackward(
      sum, gain: gain, inverses: inverses, dout, into: dx,
      dgain: weight.isTrainable ? weight.gradientForSums(isFresh: isFresh) : nil, isFresh: isFresh)
    sumNode?.accumulate(dx, isFresh: true)
  }
  return (recordedSum, recordedNorm)
}

/// The gradient of a norm on its way to that of the sum that it is of.
private final class WaitingGradient {
  private var gradient: Tensor?

  func put(_ gradient: Tensor) { self.gradient = gradient }

  func take() -> Tensor? {
    defer { gradient = nil }
    return gradient
  }
}
