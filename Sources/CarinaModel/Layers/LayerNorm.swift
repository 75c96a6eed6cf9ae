import CarinaTensor

/// A layer norm with its two weights.
package struct LayerNorm {
  /// Gain and shift, [W].
  package let weight: Parameter, bias: Parameter
  let epsilon: Float

  /// Takes `prefix.weight` and `prefix.bias` from the source.
  init(_ source: ParameterSource, _ prefix: String, width: Int, epsilon: Float) {
    weight = source.parameter("\(prefix).weight", shape: [width], decays: false, initialization: .constant(1))
    bias = source.parameter("\(prefix).bias", shape: [width], decays: false, initialization: .constant(0))
    self.epsilon = epsilon
  }

  /// Both weights.
  var parameters: [Parameter] { [weight, bias] }

  /// Rows of `width` to the same shape.
  func callAsFunction(_ x: Tensor, tape: Tape?) -> Tensor { layerNorm(x, weight, bias, epsilon: epsilon, tape: tape) }
}
