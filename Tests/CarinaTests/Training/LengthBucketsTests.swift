import TestSupport
import Testing

import Carina

@Suite("Batches of like lengths") struct LengthBucketsTests {
  @Test("the order is transformers' group_by_length of the same permutation")
  func golden() throws {
    let facts = try JSONValue.parseFile(ParityGolden.path("loss") + "/length-groups.json")
    let cases = try #require(facts["cases"]?.array)
    #expect(cases.count == 5)
    for one in cases {
      let found = LengthBuckets.grouped(
        try #require(one["permutation"]).integers, lengths: try #require(one["lengths"]).integers,
        samplesPerStep: try #require(one["batch_size"]?.int))
      #expect(found == one["indices"]?.integers)
    }
  }

  private func order(_ lengths: [Int]?, seed: UInt64 = 3, dropsLast: Bool = false) -> EpochOrder {
    EpochOrder(
      sampleCount: 101, batchSize: 2, accumulationSteps: 2, seed: seed, isShuffled: true, dropsLast: dropsLast,
      lengths: lengths)
  }

  @Test("an epoch has each sample once, in an order of its own that seed and epoch decide, and steps of like lengths")
  func epochs() {
    let lengths = (0..<101).map { 10 + $0 * 37 % 83 }
    let order = order(lengths), first = order.samples(epoch: 0)
    #expect(first.sorted() == Array(0..<101) && first == order.samples(epoch: 0))
    #expect(first != order.samples(epoch: 1) && first != self.order(lengths, seed: 4).samples(epoch: 0))
    func spread(_ samples: [Int]) -> Int {
      stride(from: 0, to: 100, by: 4).reduce(0) { sum, start in
        let step = samples[start..<min(101, start + 4)].map { lengths[$0] }
        return sum + (step.max() ?? 0) - (step.min() ?? 0)
      }
    }
    #expect(spread(first) * 3 < spread(self.order(nil).samples(epoch: 0)))
    #expect(lengths[first[0]] == lengths.max())
    // What is left out is not the shortest of a bucket, but what the shuffled order has last.
    let whole = self.order(lengths, dropsLast: true).samples(epoch: 0)
    #expect(whole.sorted() == self.order(nil, dropsLast: true).samples(epoch: 0).sorted() && whole.count == 100)
  }

  @Test("settings ask for it, and without them lengths change nothing")
  func settings() {
    var settings = TrainingSettings()
    settings.batchSize = 4
    let lengths = (0..<40).map { $0 * 7 % 11 }
    let plain = EpochOrder(settings, sampleCount: 40).samples(epoch: 2)
    #expect(EpochOrder(settings, sampleCount: 40, lengths: lengths).samples(epoch: 2) == plain)
    settings.bucketsByLength = true
    #expect(EpochOrder(settings, sampleCount: 40, lengths: lengths).samples(epoch: 2) != plain)
  }
}
