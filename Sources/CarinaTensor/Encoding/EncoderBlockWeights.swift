/// The weights of one block of a pre-norm encoder: x + output(attention(norm x)), then x + contract(gelu(expand(norm x))).
package struct EncoderBlockWeights {
  /// y = x Wᵀ + b with W [N, K].
  package struct Map {
    let weight: Parameter, bias: Parameter?

    /// A map with its two weights.
    package init(_ weight: Parameter, _ bias: Parameter?) {
      self.weight = weight
      self.bias = bias
    }
  }

  /// A layer norm.
  package struct Norm {
    let gain: Parameter, shift: Parameter
    let epsilon: Float

    /// A norm with its two weights [W].
    package init(_ gain: Parameter, _ shift: Parameter, epsilon: Float) {
      self.gain = gain
      self.shift = shift
      self.epsilon = epsilon
    }
  }

  let firstNorm: Norm, secondNorm: Norm
  let query: Map, key: Map, value: Map, output: Map, expand: Map, contract: Map
  let activation: GELUKind

  /// The weights of a block.
  package init(
    firstNorm: Norm, secondNorm: Norm, query: Map, key: Map, value: Map, output: Map, expand: Map, contract: Map,
    activation: GELUKind
  ) {
    self.firstNorm = firstNorm
    self.secondNorm = secondNorm
    self.query = query
    self.key = key
    self.value = value
    self.output = output
    self.expand = expand
    self.contract = contract
    self.activation = activation
  }
}
