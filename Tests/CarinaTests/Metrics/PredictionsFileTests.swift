import Carina
import Foundation
import TestSupport
import Testing

@Suite struct PredictionsFileTests {
  private func read(_ text: String) throws -> [ScoredAnswer] {
    let directory = try TemporaryDirectory()
    let path = directory.file("predictions.jsonl")
    try AtomicFile.write(text, to: path)
    return try PredictionsFile.read(path)
  }

  private func failure(_ text: String) -> CarinaError? {
    do {
      _ = try read(text)
      return nil
    } catch {
      return error as? CarinaError
    }
  }

  @Test("what is written is read back, line for line")
  func roundTrip() throws {
    let answers = [
      ScoredAnswer(
        id: "a", image: "x.png", patient: "p", question: "Where?", prediction: "left\n\"lung\"",
        references: ["left", "the left"], answerType: "OPEN", questionType: "POS", nll: 0.1, tokens: 3),
      ScoredAnswer(id: "b", prediction: "", references: ["é"]),
    ]
    let directory = try TemporaryDirectory()
    try PredictionsFile.write(answers, to: directory.file("p.jsonl"))
    #expect(try PredictionsFile.read(directory.file("p.jsonl")) == answers)
  }

  @Test("foreign lines: numbers as texts, blank lines, unknown keys, references or reference")
  func foreign() throws {
    let answers = try read(
      "{\"id\": 7, \"prediction\": 3, \"reference\": 3, \"model\": {\"x\": []}}\r\n\n"
        + "{\"references\": [\"b\", 2], \"prediction\": \"b\", \"id\": \"x\", \"image\": null}")
    #expect(
      answers == [
        ScoredAnswer(id: "7", prediction: "3", references: ["3"]),
        ScoredAnswer(id: "x", prediction: "b", references: ["b", "2"]),
      ])
  }

  @Test(
    "a bad line is named with its number and key",
    arguments: [
      ("{\"id\": \"a\", \"prediction\": \"x\"}", "reference"), ("{\"prediction\": \"x\", \"reference\": \"y\"}", "id"),
      ("{\"id\": \"a\", \"reference\": \"y\"}", "prediction"),
      ("{\"id\": \"a\", \"prediction\": [], \"reference\": \"y\"}", "prediction"),
      ("{\"id\": \"a\", \"prediction\": \"x\", \"references\": []}", "references"),
      ("{\"id\": \"a\", \"prediction\": \"x\", \"references\": [null]}", "references"),
      ("{\"id\": \"a\", \"prediction\": \"x\", \"reference\": \"y\", \"nll\": \"1\"}", "nll"),
      ("{\"id\": \"a\", \"prediction\": \"x\", \"reference\": \"y\", \"nll\": 1e308, \"tokens\": 9}", "nll"),
      ("{\"id\": \"a\", \"prediction\": \"x\", \"reference\": \"y\", \"tokens\": 1.5}", "tokens"),
      ("[1]", "object"), ("{\"id\": ", "line 2"),
      ("{\"id\": \"good\", \"prediction\": \"x\", \"reference\": \"y\"}", "good"),
    ])
  func errors(line: String, word: String) throws {
    let good = "{\"id\": \"good\", \"prediction\": \"x\", \"reference\": \"y\"}\n"
    let error = try #require(failure(good + line))
    #expect(error.kind == .badData)
    #expect(error.description.contains("line 2") && error.description.contains(word), "\(error)")
  }

  @Test("an empty file is bad data and an absent one missing input")
  func absent() {
    #expect(failure("\n")?.kind == .badData)
    #expect(throws: CarinaError.self) { try PredictionsFile.read("/nowhere/p.jsonl") }
  }
}
