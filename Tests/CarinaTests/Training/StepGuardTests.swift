import Testing

import Carina

@Suite("Losses that stand out") struct StepGuardTests {
  /// A guard that has seen losses around 1, and how many of them it called spikes.
  private func usual(_ count: Int) -> (usual: StepGuard, spikes: Int) {
    var usual = StepGuard(), spikes = 0
    for index in 0..<count where usual.note(loss: index % 2 == 0 ? 1 : 1.1) { spikes += 1 }
    return (usual, spikes)
  }

  @Test(
    "a loss six deviations above those before is a spike, after twenty steps; lower ones are not",
    arguments: [(19, 50, false), (20, 50, true), (40, 1.5, true), (40, 1.2, false), (40, 0.01, false)])
  func spike(count: Int, loss: Double, expected: Bool) {
    var (usual, spikes) = usual(count)
    let isSpike = usual.note(loss: loss)
    #expect(spikes == 0 && isSpike == expected)
  }

  @Test("a loss that never changes marks nothing")
  func constant() {
    var usual = StepGuard(), spikes = 0
    for _ in 0..<40 where usual.note(loss: 2) { spikes += 1 }
    if usual.note(loss: 2.5) { spikes += 1 }
    #expect(spikes == 0)
  }
}
