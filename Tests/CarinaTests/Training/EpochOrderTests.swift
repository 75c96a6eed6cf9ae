import Testing

import Carina

@Suite("Epoch order") struct EpochOrderTests {
  private func order(_ count: Int, seed: UInt64 = 3, isShuffled: Bool = true) -> EpochOrder {
    EpochOrder(sampleCount: count, batchSize: 3, accumulationSteps: 2, seed: seed, isShuffled: isShuffled)
  }

  private func batches(_ order: EpochOrder, epoch: Int) -> [[[Int]]] {
    let samples = order.samples(epoch: epoch)
    return (0..<order.stepsPerEpoch).map { order.microBatches(samples, stepInEpoch: $0) }
  }

  @Test("every epoch has every sample once, whatever the remainder", arguments: [1, 3, 4, 6, 7, 12, 20])
  func coverage(count: Int) {
    let order = order(count)
    #expect(order.stepsPerEpoch == (count + 5) / 6)
    for epoch in 0..<3 {
      let steps = batches(order, epoch: epoch)
      #expect(steps.joined().joined().sorted() == Array(0..<count))
      #expect(steps.dropLast().allSatisfy { $0.map(\.count) == [3, 3] })
      #expect(steps.joined().allSatisfy { !$0.isEmpty })
    }
  }

  @Test("the last step is short: 20 samples are three steps of six and one of two")
  func shortStep() {
    #expect(batches(order(20), epoch: 0).map { $0.map(\.count) } == [[3, 3], [3, 3], [3, 3], [2]])
    #expect(batches(order(10), epoch: 0).map { $0.map(\.count) } == [[3, 3], [3, 1]])
  }

  @Test("the order is a function of seed and epoch")
  func determinism() {
    #expect(order(50).samples(epoch: 4) == order(50).samples(epoch: 4))
    #expect(order(50).samples(epoch: 4) != order(50).samples(epoch: 5))
    #expect(order(50).samples(epoch: 4) != order(50, seed: 4).samples(epoch: 4))
    // Not the one that lies in the shards.
    #expect(order(50).samples(epoch: 0) != Array(0..<50))
  }

  @Test(
    "sizes beyond all samples, and numbers of epochs beyond all steps, are computed with as well",
    arguments: [(Int.max, 1), (1, .max), (.max, .max), (1 << 62, 2), (7, 1 << 61)])
  func huge(batchSize: Int, accumulationSteps: Int) throws {
    let order = EpochOrder(
      sampleCount: 5, batchSize: batchSize, accumulationSteps: accumulationSteps, seed: 1, isShuffled: false)
    #expect(order.stepsPerEpoch == 1 && order.stepCount(epochs: .max, limit: nil) == .max)
    #expect(order.stepCount(epochs: .max, limit: 9) == 9 && order.stepCount(epochs: 3, limit: 9) == 3)
    let batches = order.microBatches(order.samples(epoch: 0), stepInEpoch: 0)
    #expect(batches == (batchSize == 1 ? (0..<5).map { [$0] } : [[0, 1, 2, 3, 4]]))
    for ratio in [0, 0.03, 1] {
      let schedule = LearningRateSchedule(peak: 1, warmupRatio: ratio, totalSteps: .max)
      #expect((0...1).contains(schedule.rate(step: .max)) && (0...1).contains(schedule.rate(step: 1)))
    }
  }

  @Test("unshuffled samples come as they lie in the shards, in every epoch")
  func unshuffled() {
    for epoch in 0..<2 {
      #expect(
        batches(order(8, isShuffled: false), epoch: epoch) == [[[0, 1, 2], [3, 4, 5]], [[6, 7]]])
    }
  }

  @Test("an epoch leaves out what does not fill a micro-batch, other samples in each epoch")
  func dropsLast() throws {
    let order = EpochOrder(
      sampleCount: 17, batchSize: 3, accumulationSteps: 2, seed: 5, isShuffled: true, dropsLast: true)
    #expect(order.samplesPerEpoch == 15 && order.stepsPerEpoch == 3)
    let left = (0..<4).map { Set(0..<17).subtracting(order.samples(epoch: $0)) }
    #expect(left.allSatisfy { $0.count == 2 } && Set(left).count > 1)
    let batches = (0..<3).flatMap { order.microBatches(order.samples(epoch: 0), stepInEpoch: $0) }
    #expect(batches.map(\.count) == [3, 3, 3, 3, 3])
    let tooLarge = EpochOrder(
      sampleCount: 2, batchSize: 3, accumulationSteps: 1, seed: 5, isShuffled: true, dropsLast: true)
    let error = #expect(throws: CarinaError.self) { try tooLarge.requireSteps() }
    #expect(error?.kind == .usage)
  }
}
