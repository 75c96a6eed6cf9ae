/// Powers of the moments' decay factors, for the correction of their bias.
///
/// Each power is the one before times the factor: the digits of a run do not depend on where it was resumed, and a step
/// costs one product however many went before.
package struct DecayPowers: Sendable {
  private let beta1: Double, beta2: Double
  private var known: [Int: (Double, Double)] = [0: (1, 1)]

  /// The powers of two factors.
  package init(beta1: Double, beta2: Double) {
    self.beta1 = beta1
    self.beta2 = beta2
  }

  /// The factors to the power of `step`, from 0. From a state that was read it takes `step` products once, so `step`
  /// must have been compared with the run's own.
  package mutating func power(_ step: Int) -> (Double, Double) {
    if let power = known[step] { return power }
    var (one, two) = known[step - 1] ?? (1, 1)
    for _ in (known[step - 1] == nil ? 0 : step - 1)..<step { (one, two) = (one * beta1, two * beta2) }
    // Weights are nearly always at one and the same step; what lies further back is not asked for again.
    if known.count > 8 { known = known.filter { $0.key == step - 1 } }
    known[step] = (one, two)
    return (one, two)
  }
}
