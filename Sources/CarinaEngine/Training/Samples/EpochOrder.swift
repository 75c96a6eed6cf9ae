import CarinaRuntime

/// The order of samples in each epoch, and how it divides into optimizer steps and micro-batches. A function of the
/// seed and the epoch alone, so a position in the data is a step number and nothing more.
package struct EpochOrder: Sendable {
  /// Samples of an epoch.
  package let sampleCount: Int
  /// Samples of a micro-batch, and micro-batches of an optimizer step.
  package let batchSize: Int, accumulationSteps: Int
  /// Whether what does not fill a micro-batch is left out of each epoch.
  package let dropsLast: Bool
  /// How long each sample is, where those of a step are to be about as long as each other; see `LengthBuckets`.
  package let lengths: [Int]?
  private let seed: UInt64
  private let isShuffled: Bool

  /// Describes the order.
  package init(
    sampleCount: Int, batchSize: Int, accumulationSteps: Int, seed: UInt64, isShuffled: Bool, dropsLast: Bool = false,
    lengths: [Int]? = nil
  ) {
    self.lengths = lengths
    self.dropsLast = dropsLast
    self.sampleCount = sampleCount
    self.batchSize = batchSize
    self.accumulationSteps = accumulationSteps
    self.seed = seed
    self.isShuffled = isShuffled
  }

  /// The order that a run's settings describe.
  /// - Parameter lengths: of the samples; they count where the settings ask for batches of like lengths.
  package init(_ settings: TrainingSettings, sampleCount: Int, lengths: [Int]? = nil) {
    self.init(
      sampleCount: sampleCount, batchSize: settings.batchSize,
      accumulationSteps: settings.gradientAccumulationSteps, seed: settings.seed, isShuffled: settings.isShuffled,
      dropsLast: settings.dropsLast, lengths: settings.bucketsByLength ? lengths : nil)
  }

  /// Samples of an optimizer step; of one that is larger than any epoch, the largest number there is.
  package var samplesPerStep: Int {
    let product = batchSize.multipliedReportingOverflow(by: accumulationSteps)
    return product.overflow ? .max : product.partialValue
  }

  /// Samples of an epoch that are used.
  package var samplesPerEpoch: Int { dropsLast ? sampleCount - sampleCount % batchSize : sampleCount }

  /// Optimizer steps of an epoch; the last may be short.
  package var stepsPerEpoch: Int {
    samplesPerEpoch / samplesPerStep + (samplesPerEpoch % samplesPerStep == 0 ? 0 : 1)
  }

  /// Optimizer steps of so many epochs, and at most `limit`.
  package func stepCount(epochs: Int, limit: Int?) -> Int {
    let whole = stepsPerEpoch.multipliedReportingOverflow(by: epochs)
    return min(whole.overflow ? .max : whole.partialValue, limit ?? .max)
  }

  /// The samples of an epoch in order.
  package func samples(epoch: Int) -> [Int] {
    let order = shuffled(epoch: epoch)
    return lengths.map { LengthBuckets.grouped(order, lengths: $0, samplesPerStep: samplesPerStep) } ?? order
  }

  private func shuffled(epoch: Int) -> [Int] {
    guard isShuffled else { return Array(0..<samplesPerEpoch) }
    var generator = SeededGenerator(seed: seed, stream: "order.\(epoch)")
    return Array(generator.permutation(sampleCount).prefix(samplesPerEpoch))
  }

  /// Refuses an order without a step.
  /// - Throws: `CarinaError.usage`.
  package func requireSteps() throws {
    guard samplesPerEpoch == 0 else { return }
    throw CarinaError(
      .usage, "\(setting: TrainingSettings.name(\.dropsLast)) leaves nothing to train on",
      expected: "a \(setting: TrainingSettings.name(\.batchSize)) of at most \(sampleCount), the number of samples",
      found: "\(batchSize)")
  }

  /// The micro-batches of optimizer step `step` of an epoch whose order is `samples`.
  package func microBatches(_ samples: [Int], stepInEpoch step: Int) -> [[Int]] {
    let first = step * samplesPerStep
    let last = samples.count - first > samplesPerStep ? first + samplesPerStep : samples.count
    return stride(from: first, to: last, by: batchSize).map {
      Array(samples[$0..<(last - $0 > batchSize ? $0 + batchSize : last)])
    }
  }
}
