import Foundation
import Testing

import Carina

@Suite struct SaveIntervalTests {
  @Test(
    "a time is a number with its unit",
    arguments: [("30s", 30), ("10min", 600), ("2h", 7200), ("1.5h", 5400), ("0.25s", 0.25), ("007min", 420)])
  func times(text: String, seconds: Double) throws {
    #expect(try SaveInterval(notation: text) == .seconds(seconds))
  }

  @Test("a plain number counts optimizer steps") func steps() throws {
    let interval = try SaveInterval(notation: "500")
    #expect(interval == .steps(500) && interval.text == "500")
    #expect(interval.isDue(atStep: 1000, elapsed: 0) && !interval.isDue(atStep: 1001, elapsed: 1e9))
  }

  @Test("never, 0 and no time at all are none", arguments: ["never", "0", "0s", "0.0min"])
  func none(text: String) throws {
    let interval = try SaveInterval(notation: text)
    #expect(interval == .never && !interval.isDue(atStep: 1, elapsed: 1e9))
  }

  @Test(
    "it is written with the largest unit that fits",
    arguments: ["30s", "90s", "10min", "90min", "2h", "0.25s", "never"])
  func notation(text: String) throws { #expect(try SaveInterval(notation: text).text == text) }

  @Test(
    "anything else is refused with what to write",
    arguments: [
      "", "min", "s", "10 min", "10m", "10minutes", "-5s", "-5", "5.5", "1e3s", "0x5s", "1..5s", ".s", "nans", "infs",
      "Never", "٣s", "5s ", "10min0s", String(repeating: "9", count: 400) + "h",
    ])
  func refused(text: String) throws {
    let error = #expect(throws: CarinaError.self) { try SaveInterval(notation: text) }
    #expect(error?.kind == .usage && error?.found == text)
    for words in ["save_every", "30s, 10min or 2h"] { #expect(error?.description.contains(words) == true) }
  }

  @Test("when a run saves is no part of what decides its numbers")
  func unrecorded() {
    var settings = TrainingSettings()
    let before = settings.json
    #expect(settings.saveEvery == .seconds(600))
    settings.saveEvery = .seconds(1)
    #expect(settings.json == before && before["save_every"] == nil)
  }
}
