/// A residual stream to which a block's last branch is still to be added: x + norm(branch).
package struct ResidualSum {
  /// x [R, D] fp32.
  package let x: Tensor
  /// The branch [R, D] and the gain minus 1 of its RMS norm [D]; nil where nothing is to be added.
  package let branch: (values: Tensor, gain: Tensor)?

  /// Collects both.
  package init(x: Tensor, branch: (values: Tensor, gain: Tensor)? = nil) {
    self.x = x
    self.branch = branch
  }
}
