import Foundation
import TestSupport
import Testing

import Carina

@Suite("Learning rate schedule") struct LearningRateScheduleTests {
  @Test("warm-up is a line from zero, then half a cosine falls to zero and stays there")
  func closedForm() {
    let schedule = LearningRateSchedule(peak: 0.02, warmupRatio: 0.1, totalSteps: 84)
    // 8.4 steps, rounded up.
    #expect(schedule.warmupSteps == 9)
    #expect(schedule.rate(step: 0) == 0)
    expectClose([schedule.rate(step: 3)], [0.02 / 3], relative: 1e-15)
    #expect(schedule.rate(step: 9) == 0.02)
    // 75 steps of cosine: a third and two thirds of the way are 60 and 120 degrees.
    expectClose([schedule.rate(step: 34)], [0.015], relative: 1e-14)
    expectClose([schedule.rate(step: 59)], [0.005], relative: 1e-14)
    let last = 0.02 * pow(sin(.pi / 150), 2)
    expectClose([schedule.rate(step: 83)], [last], relative: 1e-11)
    for step in [84, 85, 1000] { #expect(schedule.rate(step: step) == 0) }
    for step in 0..<9 { #expect(schedule.rate(step: step) < schedule.rate(step: step + 1)) }
    for step in 9..<84 { #expect(schedule.rate(step: step) > schedule.rate(step: step + 1)) }
  }

  @Test("the middle of the cosine is half the peak")
  func middle() {
    let schedule = LearningRateSchedule(peak: 3, warmupRatio: 0.5, totalSteps: 40)
    #expect(schedule.warmupSteps == 20)
    expectClose([schedule.rate(step: 10), schedule.rate(step: 30)], [1.5, 1.5], relative: 1e-15)
  }

  @Test("a line falls to zero, a constant stays; steps of warm-up go before a ratio")
  func shapes() {
    let line = LearningRateSchedule(peak: 2, warmupRatio: 0.5, warmupSteps: 4, shape: .linear, totalSteps: 12)
    #expect(line.warmupSteps == 4)
    #expect([0, 1, 4, 6, 8, 11].map(line.rate) == [0, 0.5, 2, 1.5, 1, 0.25])
    #expect(line.rate(step: 12) == 0)
    let constant = LearningRateSchedule(peak: 2, warmupRatio: 0, warmupSteps: 2, shape: .constant, totalSteps: 5)
    #expect((0..<6).map(constant.rate) == [0, 1, 2, 2, 2, 0])
    let none = LearningRateSchedule(peak: 2, warmupRatio: 0.5, warmupSteps: 0, totalSteps: 5)
    #expect(none.rate(step: 0) == 2)
  }

  @Test("without warm-up the first step has the peak; a run of warm-up alone never falls")
  func extremes() {
    let cosine = LearningRateSchedule(peak: 1, warmupRatio: 0, totalSteps: 10)
    #expect(cosine.warmupSteps == 0 && cosine.rate(step: 0) == 1 && cosine.rate(step: 10) == 0)
    let line = LearningRateSchedule(peak: 1, warmupRatio: 1, totalSteps: 4)
    #expect((0..<4).map(line.rate) == [0, 0.25, 0.5, 0.75])
    let single = LearningRateSchedule(peak: 1, warmupRatio: 0, totalSteps: 1)
    #expect(single.rate(step: 0) == 1 && single.rate(step: 1) == 0)
  }
}
