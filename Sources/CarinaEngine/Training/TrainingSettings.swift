import CarinaRuntime

/// The numbers of a training run that every stage has.
public struct TrainingSettings: Equatable, Sendable {
  /// Samples of a micro-batch, and micro-batches of an optimizer step.
  public var batchSize = 8, gradientAccumulationSteps = 1
  /// Peak learning rate, weight decay, and the part of the run that is warm-up.
  public var learningRate = 1e-4, weightDecay = 0.01, warmupRatio = 0.03
  /// Passes over the data, and a limit in optimizer steps (the schedule then ends there).
  public var epochCount = 1, maximumSteps: Int?
  /// Largest global norm of the gradients; 0 for no limit.
  public var maximumGradientNorm = 1.0
  /// Where all randomness comes from, and whether the samples are shuffled.
  public var seed: UInt64 = 0, isShuffled = true
  /// When checkpoints are written: every so many optimizer steps, every so many epochs; nil for not on that account.
  public var saveEverySteps: Int?, saveEveryEpochs: Int?

  /// The defaults.
  package init() {}

  /// Refuses numbers with which no run can work.
  /// - Throws: `CarinaError.usage` naming the option.
  public func validate() throws {
    func require(_ holds: Bool, _ option: String, _ expected: String, _ found: Any) throws {
      guard !holds else { return }
      throw CarinaError(.usage, "\(option) cannot be used", expected: expected, found: "\(found)")
    }
    try require(batchSize >= 1, "--batch-size", "at least 1", batchSize)
    try require(
      gradientAccumulationSteps >= 1, "--gradient-accumulation-steps", "at least 1", gradientAccumulationSteps)
    try require(learningRate >= 0 && learningRate.isFinite, "--learning-rate", "a number of at least 0", learningRate)
    try require(weightDecay >= 0 && weightDecay.isFinite, "--weight-decay", "a number of at least 0", weightDecay)
    try require((0...1).contains(warmupRatio), "--warmup-ratio", "a number from 0 to 1", warmupRatio)
    try require(epochCount >= 1, "--num-epochs", "at least 1", epochCount)
    try require(maximumSteps.map { $0 >= 1 } ?? true, "--max-steps", "at least 1", maximumSteps ?? 0)
    try require(
      maximumGradientNorm >= 0 && maximumGradientNorm.isFinite, "--max-grad-norm", "a number of at least 0",
      maximumGradientNorm)
    try require(saveEverySteps.map { $0 >= 1 } ?? true, "--save-every-n-steps", "at least 1", saveEverySteps ?? 0)
    try require(saveEveryEpochs.map { $0 >= 1 } ?? true, "--save-every-n-epochs", "at least 1", saveEveryEpochs ?? 0)
  }
}

extension TrainingSettings {
  /// The numbers that decide a run's digits, under the options' names; when checkpoints are written is not among them.
  package var json: JSONValue {
    [
      "batch_size": .integer(batchSize), "gradient_accumulation_steps": .integer(gradientAccumulationSteps),
      "learning_rate": .number(learningRate), "weight_decay": .number(weightDecay),
      "warmup_ratio": .number(warmupRatio), "num_epochs": .integer(epochCount),
      "max_steps": maximumSteps.map { .integer($0) } ?? .null, "max_grad_norm": .number(maximumGradientNorm),
      "seed": .string(String(seed)), "shuffle": .bool(isShuffled),
    ]
  }
}
