/// The constants of one AdamW step that all parameters share.
package struct AdamWConstants: Sendable {
  /// Learning rate, decay factors of the moments, and the term that keeps the quotient finite.
  package let rate: Float, beta1: Double, beta2: Double, epsilon: Float
  /// The decay factors to the power of the steps taken, this one included.
  package let power1: Double, power2: Double
  /// Factor on the gradients: what clipping by the global norm leaves.
  package let gradientScale: Float

  /// Collects the constants.
  package init(
    rate: Float, beta1: Double, beta2: Double, epsilon: Float, powers: (Double, Double), gradientScale: Float
  ) {
    self.rate = rate
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    (power1, power2) = powers
    self.gradientScale = gradientScale
  }
}
