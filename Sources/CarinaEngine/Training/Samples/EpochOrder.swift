import CarinaRuntime

/// The order of samples in each epoch, and how it divides into optimizer steps and micro-batches. A function of the
/// seed and the epoch alone, so a position in the data is a step number and nothing more.
package struct EpochOrder: Sendable {
  /// Samples of an epoch.
  package let sampleCount: Int
  /// Samples of a micro-batch, and micro-batches of an optimizer step.
  package let batchSize: Int, accumulationSteps: Int
  private let seed: UInt64
  private let isShuffled: Bool

  /// Describes the order.
  package init(sampleCount: Int, batchSize: Int, accumulationSteps: Int, seed: UInt64, isShuffled: Bool) {
    self.sampleCount = sampleCount
    self.batchSize = batchSize
    self.accumulationSteps = accumulationSteps
    self.seed = seed
    self.isShuffled = isShuffled
  }

  /// Samples of an optimizer step; of one that is larger than any epoch, the largest number there is.
  package var samplesPerStep: Int {
    let product = batchSize.multipliedReportingOverflow(by: accumulationSteps)
    return product.overflow ? .max : product.partialValue
  }

  /// Optimizer steps of an epoch; the last may be short.
  package var stepsPerEpoch: Int { sampleCount / samplesPerStep + (sampleCount % samplesPerStep == 0 ? 0 : 1) }

  /// Optimizer steps of so many epochs, and at most `limit`.
  package func stepCount(epochs: Int, limit: Int?) -> Int {
    let whole = stepsPerEpoch.multipliedReportingOverflow(by: epochs)
    return min(whole.overflow ? .max : whole.partialValue, limit ?? .max)
  }

  /// All samples of an epoch in order.
  package func samples(epoch: Int) -> [Int] {
    guard isShuffled else { return Array(0..<sampleCount) }
    var generator = SeededGenerator(seed: seed, stream: "order.\(epoch)")
    return generator.permutation(sampleCount)
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
