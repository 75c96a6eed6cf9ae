import Carina
import Foundation
import TestSupport
import Testing

@Suite struct MetricsFileTests {
  private func report() throws -> MetricReport {
    var report = MetricSuite.standard.evaluate(try EvaluationGoldens.answers(), replicates: 20, seed: UInt64.max)
    report.arms = ["shuffled": ["closed-accuracy": MetricValue(value: 0.5, low: 0.4, high: 0.6, n: 9)]]
    report.facts = ["checkpoint": "run/é"]
    return report
  }

  @Test("a report is read back as it was, and writing it again gives the same bytes")
  func roundTrip() throws {
    let directory = try TemporaryDirectory()
    let report = try report()
    try MetricsFile.write(report, to: directory.file("a.json"))
    let back = try MetricsFile.read(directory.file("a.json"))
    #expect(back == report)
    try MetricsFile.write(back, to: directory.file("b.json"))
    #expect(
      FileManager.default.contents(atPath: directory.file("a.json"))
        == FileManager.default.contents(atPath: directory.file("b.json")))
  }

  @Test("a damaged file is refused with the key that is wrong")
  func damaged() throws {
    let directory = try TemporaryDirectory()
    try AtomicFile.write("{\"n\": 1, \"metrics\": {\"x\": {\"value\": \"1\", \"n\": 1}}}", to: directory.file("m.json"))
    let error = #expect(throws: CarinaError.self) { try MetricsFile.read(directory.file("m.json")) }
    #expect(error?.description.contains("metrics/x/value") == true)
  }

  @Test("expectations hold, fail, and miss a metric, each by its name")
  func expectations() throws {
    let directory = try TemporaryDirectory()
    try AtomicFile.write(
      """
      {"metrics": {"exact-match": {"value": 0.5, "tolerance": 0.01}, "token-f1": {"minimum": 0.8},
       "sacrebleu": {"minimum": 1}},
       "arms": {"shuffled": {"closed-accuracy": {"maximum": 0.62, "minimum": 0.3}}}}
      """, to: directory.file("expected.json"))
    let expected = try ExpectedResults.read(directory.file("expected.json"))
    var report = try report()
    report.metrics = ["exact-match": MetricValue(value: 0.509, n: 2), "token-f1": MetricValue(value: 0.79, n: 2)]
    let outcomes = expected.compare(report)
    #expect(outcomes.map(\.name) == ["exact-match", "sacrebleu", "token-f1", "closed-accuracy (shuffled)"])
    #expect(outcomes.map(\.holds) == [true, false, false, true])
    #expect(outcomes[1].found == nil)
    #expect(outcomes[3].expected == "≥ 0.3, ≤ 0.62")
  }

  @Test(
    "an expectation that says nothing is refused",
    arguments: [
      "{}", "{\"metrics\": {\"x\": {}}}", "{\"metrics\": {\"x\": {\"value\": 1}}}",
      "{\"metrics\": {\"x\": {\"min\": 1}}}",
    ])
  func emptyExpectations(text: String) throws {
    let directory = try TemporaryDirectory()
    try AtomicFile.write(text, to: directory.file("e.json"))
    #expect(throws: CarinaError.self) { try ExpectedResults.read(directory.file("e.json")) }
  }

  @Test("scoring a file writes both files, twice the same bytes")
  func scoringRun() throws {
    let directory = try TemporaryDirectory()
    try PredictionsFile.write(try EvaluationGoldens.answers(), to: directory.file("in.jsonl"))
    for name in ["one", "two"] {
      try ScoringRun.score(
        predictionsFile: directory.file("in.jsonl"), outputDirectory: directory.file(name), bootstrap: 50)
    }
    for file in ["metrics.json", "predictions.jsonl"] {
      let one = FileManager.default.contents(atPath: directory.file("one/\(file)"))
      #expect(one != nil && one == FileManager.default.contents(atPath: directory.file("two/\(file)")))
    }
  }
}
