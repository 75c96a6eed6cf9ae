import TestSupport
import Testing

import Carina

/// A `Gemma3ForConditionalGeneration` as a checkpoint (Tests/Reference/make_gemma3_infer_goldens.py).
@Suite("Joined Gemma 3 answers") struct JoinedGemma3AnswerTests {
  private func load(_ path: String, system: String? = nil) throws -> AnsweringModel {
    try AnsweringModel.load(
      checkpoint: path, precision: .float32, system: system, on: Device(TestBackend.cpu))
  }

  @Test("greedy answers about an image file are transformers', with and without a system text")
  func greedy() throws {
    let path = try ParityGolden.path("gemma3/infer")
    let answers = try #require(JSONValue.parseFile(path + "/answers.json").array)
    #expect(answers.count == 25)
    for fact in answers {
      let answering = try load(path, system: fact["system"]?.string)
      #expect(answering.renderer.style == .gemma3 && answering.model.imageAttention == .mutual)
      #expect(answering.transform.filter == .bilinear && answering.transform.size == 24)
      var options = GenerationOptions()
      options.maximumNewTokens = 10
      let session = try AnswerSession(answering, options: options)
      let rows = try session.imageRows(of: [try answering.transform.pixels(ofFileAt: path + "/image.png")])
      let prompt = try session.prompt(#require(fact["question"]?.string))
      let answer = try session.answers([(0, prompt)], imageRows: rows).answers[0]
      #expect(answer.tokens == (try #require(fact["ids"]).integers), "\(fact)")
      #expect(sameBytes(answer.text, try #require(fact["text"]?.string)))
    }
  }

  @Test("a decoder alone is no joined model, and says what it is")
  func refused() throws {
    let path = try ParityGolden.path("model/gemma-window-short")
    let error = try #require(thrownCarinaError { try load(path) })
    #expect(error.kind == .badData && error.found == "a model of the type gemma3_text")
  }
}
