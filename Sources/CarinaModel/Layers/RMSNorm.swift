import CarinaTensor

/// Gemma's RMS norm with its weight, applied as 1 + weight.
package struct RMSNorm {
  /// Gain minus 1, [W].
  package let weight: Parameter
  /// The term under the root.
  let epsilon: Float

  /// Takes `prefix.weight` from the source.
  init(_ source: ParameterSource, _ prefix: String, width: Int, epsilon: Float) {
    weight = source.parameter("\(prefix).weight", shape: [width], decays: false, initialization: .constant(0))
    self.epsilon = epsilon
  }

  /// Rows of `width` (or several heads of it) to the same shape.
  func callAsFunction(_ x: Tensor, tape: Tape?) -> Tensor { rmsNorm(x, weight, epsilon: epsilon, tape: tape) }

  /// Heads [R, H·width], normed and then rotated by their rows' positions.
  func rotated(_ x: Tensor, table: RotaryTable, positions: [Int32], tape: Tape?) -> Tensor {
    normRotation(x, weight, epsilon: epsilon, table: table, positions: positions, tape: tape)
  }

  /// x + branchNorm(branch), and this norm of it.
  func ofSum(_ x: Tensor, _ branch: Tensor, normedBy branchNorm: RMSNorm, tape: Tape?) -> (sum: Tensor, norm: Tensor) {
    precondition(branchNorm.epsilon == epsilon, "norms of one block have one epsilon")
    return sumAndNorm(
      x, branch, branchWeight: branchNorm.weight, weight: weight, epsilon: epsilon, tape: tape)
  }
}
