import Carina

/// An objective whose loss overflows for some samples.
final class FlawedObjective<Base: TrainingObjective>: TrainingObjective {
  typealias Batch = (base: Base.Batch, overflows: Bool)

  private let base: Base
  private let flawed: Set<Int>

  /// - Parameter flawed: the samples whose batches overflow.
  init(_ base: Base, flawed: Set<Int>) {
    self.base = base
    self.flawed = flawed
  }

  var sampleCount: Int { base.sampleCount }
  var backend: any Backend { base.backend }
  var parameters: [Parameter] { base.parameters }
  func trainedParameters(epoch: Int) -> [Parameter] { base.trainedParameters(epoch: epoch) }
  func weight(of batch: Batch) -> Int { base.weight(of: batch.base) }
  func sampleName(_ sample: Int) -> String { "case-\(sample)" }

  func prepare(_ samples: [Int]) throws -> Batch {
    (try base.prepare(samples), samples.contains(where: flawed.contains))
  }

  func accumulate(_ batch: Batch, scale: Float, finiteWatch: FiniteWatch?) throws -> LossSum {
    try base.accumulate(
      batch.base, scale: batch.overflows ? .greatestFiniteMagnitude : scale, finiteWatch: finiteWatch)
  }
}
