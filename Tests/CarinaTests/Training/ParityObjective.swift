import Carina

/// A stage's own objective, fed with the micro-batches of a golden run instead of the trainer's order.
final class ParityObjective<Base: TrainingObjective>: TrainingObjective {
  private let base: Base
  private let microBatches: [[Int]]
  private var prepared = 0

  /// - Parameters:
  ///   - microBatches: rows of each micro-batch, in the order of the run.
  ///   - sampleCount: what the trainer is told an epoch has.
  init(_ base: Base, microBatches: [[Int]], sampleCount: Int) {
    self.base = base
    self.microBatches = microBatches
    self.sampleCount = sampleCount
  }

  let sampleCount: Int
  var backend: any Backend { base.backend }
  var parameters: [Parameter] { base.parameters }
  func trainedParameters(epoch: Int) -> [Parameter] { base.trainedParameters(epoch: epoch) }
  func weight(of batch: Base.Batch) -> Int { base.weight(of: batch) }

  /// The trainer asks for the micro-batches one after the other, on one queue.
  func prepare(_ samples: [Int]) throws -> Base.Batch {
    defer { prepared += 1 }
    return try base.prepare(microBatches[prepared])
  }

  func accumulate(_ batch: Base.Batch, scale: Float, finiteWatch: FiniteWatch?) throws -> LossSum {
    try base.accumulate(batch, scale: scale, finiteWatch: finiteWatch)
  }
}
