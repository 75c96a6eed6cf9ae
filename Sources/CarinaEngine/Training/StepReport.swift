/// What one optimizer step reports.
public struct StepReport: Equatable, Sendable {
  /// Optimizer steps done including this one, and the epoch (from 0) it belongs to.
  public let step: Int, epoch: Int
  /// Mean loss per supervised token (or image) over the whole step, and the gradients' global norm before clipping.
  public let loss: Double, gradientNorm: Double
  /// The step's learning rate.
  public let learningRate: Double
  /// What the mean is taken over.
  package let supervisedTokens: Int
  /// Wall-clock time of the step, and the part of it spent waiting for data.
  package let seconds: Double, dataWaitMilliseconds: Double
  /// Mean loss on held-out data after the step, where it was taken.
  public var validationLoss: Double?
  /// Other numbers that were taken along with it.
  package var validationScores: [Score] = []
  /// Why the weights were left as they were: which operation made a number that is not finite, and for which samples;
  /// nil for a step that was taken.
  public var skipCause: String?
  /// Whether the loss stands out above those before (see `StepGuard`).
  public var isSpike = false

  /// A number of a validation under its name in the log.
  package struct Score: Equatable, Sendable {
    let name: String, value: Double
  }

  /// Collects the numbers.
  package init(
    step: Int, epoch: Int, loss: Double, gradientNorm: Double, learningRate: Double, supervisedTokens: Int,
    seconds: Double, dataWaitMilliseconds: Double
  ) {
    self.step = step
    self.epoch = epoch
    self.loss = loss
    self.gradientNorm = gradientNorm
    self.learningRate = learningRate
    self.supervisedTokens = supervisedTokens
    self.seconds = seconds
    self.dataWaitMilliseconds = dataWaitMilliseconds
  }
}
