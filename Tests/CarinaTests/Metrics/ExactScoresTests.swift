import Carina
import Foundation
import TestSupport
import Testing

/// Texts that look alike and differ in their bytes: the reference scorers tell them apart.
@Suite struct ExactScoresTests {
  private let composed = "\u{e9}", decomposed = "e\u{301}"

  private func answers(_ change: (inout ScoredAnswer, String) -> Void) -> [ScoredAnswer] {
    [composed, decomposed, composed].enumerated().map { index, text in
      var answer = ScoredAnswer(id: "\(index)", question: "q", prediction: "a", references: ["a"], answerType: "OPEN")
      change(&answer, text)
      return answer
    }
  }

  @Test("an answer is right where Python's == says so")
  func accuracy() throws {
    for entry in try #require(RecordGoldens().json["answers"]?.array) {
      let texts = try RecordGoldens.texts(.array(Array(#require(entry.array).prefix(2))))
      let isEqual = try #require(entry[2]?.bool as Bool?)
      for type in ["OPEN", "CLOSED"] {
        let answer = ScoredAnswer(id: "1", prediction: texts[0], references: [texts[1]], answerType: type)
        let metrics = MetricSuite.standard.evaluate([answer], replicates: 0).metrics
        let names = type == "OPEN" ? ["exact-match", "exact-match-open", "token-f1"] : ["closed-accuracy"]
        for name in names { #expect(metrics[name]?.value == (isEqual ? 1 : 0), "\(name): \(texts)") }
        if type == "OPEN" { #expect(metrics["open-llavamed"]?.value == (isEqual ? 100 : 0), "\(texts)") }
      }
    }
  }

  @Test("the time that words take grows with the text, not with its square")
  func longTexts() {
    let clock = ContinuousClock()
    let time = clock.measure {
      #expect(TokenF1.words(String(repeating: "\u{1F600}", count: 400_000)).count == 1)
      #expect(TokenF1.words(String(repeating: "a\u{1F600}the ", count: 50_000)).count == 50_000)
    }
    // Under a second; with copies of all that was there, half a minute.
    #expect(time < .seconds(15))
  }

  @Test("patients and images of two spellings are two units, answer types two types")
  func units() {
    let patients = MetricSuite.standard.evaluate(answers { $0.patient = $1 }, replicates: 0)
    #expect(patients.bootstrap.units == 2 && patients.bootstrap.unit == "patient")
    let images = MetricSuite.standard.evaluate(answers { $0.image = $1 }, replicates: 0)
    #expect(images.bootstrap.units == 2 && images.bootstrap.unit == "image")
    let types = MetricSuite.standard.evaluate(answers { $0.answerType = $1 }, replicates: 0)
    #expect(types.byAnswerType.count == 2 && types.byAnswerType[composed.exact]?["exact-match"]?.n == 2)
  }

  @Test("the commonest answer counts spellings apart, and ties go to the first in the order of the bytes")
  func floors() {
    let floors = MetricSuite.standard.evaluate(answers { $0.references = [$1] }, replicates: 0).floors
    #expect(floors["exact-match"]?["always"]?.value == 2.0 / 3)
    #expect(floors["exact-match"]?["always"]?.answer?.isExactly(composed) == true)
    let asked = MetricSuite.standard.evaluate(
      answers {
        $0.question = $1
        $0.references = [$1]
      }, replicates: 0
    ).floors
    #expect(asked["exact-match"]?["by-question"]?.value == 1)
  }

  @Test("another image's partner is looked for by the bytes of the patient's name")
  func partners() throws {
    let partners = try EvaluatorPartners(images: [(0, composed), (1, decomposed)], seed: 1)
    #expect(partners.samePatientCount == 0 && partners.partner == [0: 1, 1: 0])
  }

  @Test("ids of two spellings are two, written and read back; null, NaN and lists of images are understood")
  func predictions() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("p.jsonl")
    let both = [composed, decomposed].map { ScoredAnswer(id: $0, prediction: "a", references: ["a"]) }
    try PredictionsFile.write(both, to: path)
    #expect(try PredictionsFile.read(path).map(\.id.exact) == both.map(\.id.exact))
    let long = "100000000000000000000000000000000001"
    try AtomicFile.write(
      "\u{FEFF}{\"id\": \(long), \"image\": [\"a.png\"], \"patient\": NaN, \"question\": null, \"nll\": null, \"loss\": NaN,"
        + " \"prediction\": 1e3, \"reference\": \(long)}\r\n", to: path)
    #expect(
      try PredictionsFile.read(path) == [
        ScoredAnswer(id: long, image: "a.png", prediction: "1000.0", references: [long])
      ])
    let several = [
      ScoredAnswer(id: "1", image: "b.png", furtherImages: ["a.png", "b.png"], prediction: "a", references: ["a"])
    ]
    try PredictionsFile.write(several, to: path)
    #expect(try PredictionsFile.read(path) == several)
    #expect(try String(contentsOfFile: path, encoding: .utf8).contains(#""image": ["b.png", "a.png", "b.png"]"#))
    for (line, reason) in [
      (#"{"id": "1", "prediction": null, "reference": "a"}"#, "\"prediction\" is null"),
      (#"{"id": "1", "prediction": "a", "reference": NaN}"#, "\"reference\" is NaN"),
      (#"{"id": "1", "prediction": "a", "reference": "a", "nll": NaN}"#, "found NaN"),
      (#"{"id": "1", "prediction": "a", "reference": "a", "nll": Infinity}"#, "found Infinity"),
      (#"{"id": "1", "prediction": "a", "reference": "a", "image": ["a", {}]}"#, "found an object"),
    ] {
      try AtomicFile.write(line, to: path)
      let error = #expect(throws: CarinaError.self) { try PredictionsFile.read(path) }
      #expect(error?.description.contains(reason) == true, "\(reason): \(error!)")
    }
  }

  @Test("a metric of NaN is read, a bound of NaN is refused by its name")
  func metrics() throws {
    let directory = try TemporaryDirectory()
    var report = MetricSuite.standard.evaluate(answers { $0.answerType = $1 }, replicates: 0)
    try MetricsFile.write(report, to: directory.file("m.json"))
    #expect(try MetricsFile.read(directory.file("m.json")) == report)
    report.metrics = ["token-f1": MetricValue(value: 0.25, n: 3)]
    try MetricsFile.write(report, to: directory.file("m.json"))
    let text = try String(contentsOfFile: directory.file("m.json"), encoding: .utf8)
    try AtomicFile.write(text.replacingOccurrences(of: "0.25", with: "NaN"), to: directory.file("m.json"))
    #expect(try MetricsFile.read(directory.file("m.json")).metrics["token-f1"]?.value.isNaN == true)
    try AtomicFile.write(#"{"x": NaN, "metrics": {"a": {"minimum": NaN}}}"#, to: directory.file("e.json"))
    let error = #expect(throws: CarinaError.self) { try ExpectedResults.read(directory.file("e.json")) }
    #expect(error?.found == "NaN")
  }
}
