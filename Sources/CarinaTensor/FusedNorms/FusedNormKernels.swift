/// RMS norms with what stands beside them in a transformer block, each in one pass over memory: for a backend on which that is
/// faster than one primitive after the other (`Backend.fusedNorms`).
package protocol FusedNormKernels {
  /// sum = x + branch, or, with a gain of the branch's own, x + norm(branch); out = norm(sum).
  ///
  /// - Parameters:
  ///   - x: the residual stream [R, D], fp32.
  ///   - branch: [R, D].
  ///   - branchGain: gain of the branch's norm, [D] fp32; nil where the branch is added as it is.
  ///   - sum: [R, D] fp32.
  ///   - out: [R, D].
  ///   - branchInverses: [R] fp32, with `branchGain`; and `inverses`: one over the roots of the mean squares.
  func addRMSNorm(
    _ x: Tensor, _ branch: Tensor, branchGain: Tensor?, gain: Tensor, epsilon: Float, sum: Tensor, out: Tensor,
    branchInverses: Tensor?, inverses: Tensor)
  /// The gradients of `addRMSNorm` with a gain of the branch's own: dx = residual + the gradient through the norm of the
  /// sum, and dbranch from dx through the branch's norm. The gradients of the gains are added to what stands there, or
  /// written where `isFresh`.
  ///
  /// - Parameters:
  ///   - dout: the gradient of the norm [R, D].
  ///   - residual: the gradient of the sum from elsewhere, [R, D] fp32.
  ///   - dx: [R, D] fp32; may be `residual`.
  ///   - dbranch: of the branch's type.
  ///   - dgain: [D] fp32; nil where none is wanted, as for `dbranchGain`.
  func addRMSNormBackward(
    sum: Tensor, gain: Tensor, inverses: Tensor, _ dout: Tensor, residual: Tensor, branch: Tensor, branchGain: Tensor,
    branchInverses: Tensor, dx: Tensor, dbranch: Tensor, dgain: Tensor?, dbranchGain: Tensor?, isFresh: Bool)
  /// out = the heads of x [R, H·E], each normed and then turned by its row's position.
  ///
  /// - Parameters:
  ///   - gain: [E] fp32, one for all heads.
  ///   - inverses: [R·H] fp32, one over the roots of the heads' mean squares.
  func normRotate(
    _ x: Tensor, gain: Tensor, epsilon: Float, table: RotaryTable, positions: [Int32], into out: Tensor,
    inverses: Tensor)
  /// The gradients of `normRotate`: dx, and the gain's added to what stands there, or written where `isFresh`; nil where
  /// none is wanted.
  func normRotateBackward(
    _ x: Tensor, gain: Tensor, inverses: Tensor, table: RotaryTable, positions: [Int32], _ dout: Tensor,
    into dx: Tensor, dgain: Tensor?, isFresh: Bool)
}
