import Carina
import Foundation
import TestSupport
import Testing

@Suite struct MetricSuiteTests {
  private let answers = [
    ScoredAnswer(
      id: "1", question: "Is there an effusion?", prediction: "yes", references: ["no"], answerType: "CLOSED ",
      questionType: "PRES", nll: 2, tokens: 1),
    ScoredAnswer(
      id: "2", question: "Is there an effusion?", prediction: "no", references: ["no"], answerType: "closed",
      questionType: "PRES", nll: 1, tokens: 1),
    ScoredAnswer(
      id: "3", question: "Which view?", prediction: "PA", references: ["PA"], answerType: "CLOSED",
      questionType: "PLANE"),
    ScoredAnswer(
      id: "4", question: "Where?", prediction: "left lung", references: ["left", "left lung"], answerType: "OPEN",
      questionType: "POS", nll: 3, tokens: 4),
  ]

  @Test("closed accuracy by type and by yes/no have their own denominators")
  func denominators() {
    let metrics = MetricSuite.standard.evaluate(answers, replicates: 0).metrics
    #expect(metrics["closed@type"] == MetricValue(value: 2.0 / 3, n: 3))
    #expect(metrics["closed-accuracy"] == metrics["closed@type"])
    #expect(metrics["closed@yesno"] == MetricValue(value: 0.5, n: 2))
    #expect(metrics["exact-match-open"] == MetricValue(value: 1, n: 1))
    #expect(metrics["exact-match"] == MetricValue(value: 0.75, n: 4))
  }

  @Test("the likelihood is per token, over the answers that have one")
  func likelihood() {
    let metrics = MetricSuite.standard.evaluate(answers, replicates: 0).metrics
    #expect(metrics["nll-per-token"] == MetricValue(value: 1, n: 3))
    #expect(metrics["perplexity"] == MetricValue(value: exp(1), n: 3))
  }

  @Test("a perplexity that no number can hold is left out, and the report can be written")
  func hugePerplexity() throws {
    let answers = (1...3).map { index in
      ScoredAnswer(id: "\(index)", prediction: "x", references: ["y"], nll: Double(index) * 1000, tokens: 1)
    }
    let report = MetricSuite.standard.evaluate(answers, replicates: 20)
    #expect(report.metrics["nll-per-token"]?.value == 2000 && report.metrics["perplexity"] == nil)
    let directory = try TemporaryDirectory()
    try MetricsFile.write(report, to: directory.file("metrics.json"))
    #expect(try MetricsFile.read(directory.file("metrics.json")) == report)
  }

  @Test("metrics come by answer type, too, and a type without a metric's answers lacks the metric")
  func byType() {
    let byType = MetricSuite.standard.evaluate(answers, replicates: 0).byAnswerType
    #expect(Set(byType.keys) == ["CLOSED", "OPEN"])
    #expect(byType["OPEN"]?["closed-accuracy"] == nil)
    #expect(byType["CLOSED"]?["exact-match"] == MetricValue(value: 2.0 / 3, n: 3))
  }

  @Test("the floor is the commonest answer's score: over all, by question type, by question")
  func floors() throws {
    let floors = MetricSuite.standard.evaluate(answers, replicates: 0).floors
    let closed = try #require(floors["closed-accuracy"])
    #expect(closed["always"] == CommonestAnswer(value: 2.0 / 3, n: 3, answer: "no"))
    #expect(closed["by-question-type"] == CommonestAnswer(value: 1, n: 3))
    #expect(closed["by-question"] == CommonestAnswer(value: 1, n: 3))
    #expect(floors["exact-match-open"]?["always"] == CommonestAnswer(value: 1, n: 1, answer: "left"))
    #expect(floors["exact-match"]?["always"]?.value == 0.5)
  }

  @Test("the floor's answer is shown as it is written most often, not as it is compared")
  func floorSpelling() {
    let answers = ["None.", "none", "none", "two"].enumerated().map { index, reference in
      ScoredAnswer(id: "\(index)", question: "Which?", prediction: "", references: [reference], answerType: "OPEN")
    }
    let floor = MetricSuite.standard.evaluate(answers, replicates: 0).floors["exact-match-open"]?["always"]
    #expect(floor == CommonestAnswer(value: 0.75, n: 4, answer: "none"))
  }

  @Test("sacrebleu's signature counts the references, or says that they vary")
  func sacrebleuSignature() {
    let suite = MetricSuite.standard
    func start(_ answers: [ScoredAnswer]) -> Substring? {
      suite.evaluate(answers, replicates: 0).signatures["sacrebleu"]?.prefix { $0 != "|" }
    }
    #expect(start(Array(answers.prefix(3))) == "nrefs:1")
    #expect(start(answers) == "nrefs:var")
  }
}
