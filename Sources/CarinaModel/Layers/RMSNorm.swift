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
}
