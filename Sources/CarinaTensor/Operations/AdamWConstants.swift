/// The constants of one AdamW step that all parameters share.
package struct AdamWConstants: Sendable {
  /// Learning rate, decay factors of the moments, and the term that keeps the quotient finite.
  package let rate: Float, beta1: Double, beta2: Double, epsilon: Float
  /// Steps taken including this one, from 1.
  package let step: Int
  /// Factor on the gradients: what clipping by the global norm leaves.
  package let gradientScale: Float

  /// Collects the constants.
  package init(rate: Float, beta1: Double, beta2: Double, epsilon: Float, step: Int, gradientScale: Float) {
    self.rate = rate
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.step = step
    self.gradientScale = gradientScale
  }
}
