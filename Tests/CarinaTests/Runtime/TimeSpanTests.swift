import Foundation
import Testing

import Carina

@Suite struct TimeSpanTests {
  @Test(
    "a length of time is a number with its unit",
    arguments: [("30s", 30), ("10min", 600), ("2h", 7200), ("1.5h", 5400), ("0.25s", 0.25), ("007min", 420)])
  func lengths(text: String, seconds: Double) {
    let span = TimeSpan(text)
    #expect(span.isUnderstood && span.seconds == seconds && span.text == text)
  }

  @Test("never, 0 and no time at all are none", arguments: ["never", "0", "0s", "0.0min"])
  func none(text: String) { #expect(TimeSpan(text).isUnderstood && TimeSpan(text).seconds == nil) }

  @Test(
    "anything else is refused with what to write",
    arguments: [
      "500", "", "min", "s", "10 min", "10m", "10minutes", "-5s", "1e3s", "0x5s", "1..5s", ".s", "nans", "infs",
      "Never",
      "٣s", "5s ", "10min0s", String(repeating: "9", count: 400) + "h",
    ])
  func refused(text: String) throws {
    var settings = TrainingSettings()
    try settings.validate()
    settings.saveEvery = TimeSpan(text)
    let error = #expect(throws: CarinaError.self) { try settings.validate() }
    #expect(error?.kind == .usage && error?.found == text && TimeSpan(text).seconds == nil)
    for words in ["save_every", "30s, 10min or 2h", "save_every_n_steps"] {
      #expect(error?.description.contains(words) == true)
    }
  }

  @Test("when a run saves is no part of what decides its numbers")
  func unrecorded() {
    var settings = TrainingSettings()
    let before = settings.json
    #expect(settings.saveEvery.seconds == 600)
    settings.saveEvery = TimeSpan("1s")
    #expect(settings.json == before && before["save_every"] == nil)
  }
}
