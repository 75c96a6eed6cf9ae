import CarinaTensor

/// AdamW (Loshchilov and Hutter 2019) over parameters by name, with the gradients clipped by their global norm.
///
/// A parameter without a gradient is left alone, decay included, as PyTorch does; its step count then stands still.
public final class AdamW {
  /// The two moments of one parameter and the steps it has taken, as a checkpoint stores them.
  package typealias Moments = TrainingState.Moments

  /// Decay factors of the moments, the term that keeps the quotient finite, and the weight decay.
  package let beta1: Double, beta2: Double, epsilon: Float, weightDecay: Float
  /// Whether moments are kept in 8 bits.
  package let keepsEightBits: Bool
  /// State by parameter name; filled as parameters take their first step.
  package var moments: [String: Moments] = [:]
  private var powers: DecayPowers

  /// An optimizer that has taken no step.
  public init(
    _ choice: OptimizerChoice = .adamw, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Float = 1e-8,
    weightDecay: Float
  ) {
    keepsEightBits = choice == .adamw8bit
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
    powers = DecayPowers(beta1: beta1, beta2: beta2)
  }

  /// Square root of the sum of squares of all gradients, in double precision.
  public static func gradientNorm(_ parameters: [Parameter]) -> Double {
    Parameter.gradientSumsOfSquares(parameters).reduce(0, +).squareRoot()
  }

  /// One step for every parameter that has a gradient; the gradients are forgotten.
  ///
  /// - Parameters:
  ///   - norm: the gradients' global norm; above `maximumNorm` (where that is positive) they are scaled down to it, as
  ///     `torch.nn.utils.clip_grad_norm_` does.
  public func step(_ parameters: [Parameter], rate: Double, norm: Double, maximumNorm: Double) {
    let scale = maximumNorm > 0 ? min(1, maximumNorm / (norm + 1e-6)) : 1
    var steps: [AdamWStep] = []
    for parameter in parameters where parameter.gradient != nil {
      var state = moments[parameter.name] ?? Moments(of: parameter, inEightBits: keepsEightBits)
      state.steps += 1
      moments[parameter.name] = state
      let constants = AdamWConstants(
        rate: Float(rate), beta1: beta1, beta2: beta2, epsilon: epsilon, powers: powers.power(state.steps),
        gradientScale: Float(scale))
      let step = parameter.adamWStep(
        constants, decay: weightDecay, firstMoment: state.first, secondMoment: state.second, scales: state.scales)
      if let step { steps.append(step) }
    }
    // Together, as a card takes the many small ones in one launch.
    steps.first?.value.backend.adamW(steps)
    for parameter in parameters { parameter.clearGradient() }
  }

  /// Forgets the state of parameters that are no longer trained.
  package func forget(except names: Set<String>) { moments = moments.filter { names.contains($0.key) } }
}
