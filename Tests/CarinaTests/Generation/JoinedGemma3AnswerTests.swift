import Foundation
import TestSupport
import Testing

import Carina

/// A `Gemma3ForConditionalGeneration` as a checkpoint (Tests/Reference/make_gemma3_infer_goldens.py).
@Suite("Joined Gemma 3 answers") struct JoinedGemma3AnswerTests {
  private func load(_ path: String, system: String? = nil) throws -> AnsweringModel {
    try AnsweringModel.load(
      checkpoint: path, precision: .float32, system: system, on: Device(TestBackend.chosen))
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
      let answer = try session.answers([([0], prompt)], imageRows: rows).answers[0]
      #expect(answer.tokens == (try #require(fact["ids"]).integers), "\(fact)")
      #expect(sameBytes(answer.text, try #require(fact["text"]?.string)))
    }
  }

  @Test("about several image files too, in their order, the same one twice, and one alone beside them")
  func several() throws {
    let path = try ParityGolden.path("gemma3/several")
    let samples = try #require(JSONValue.parseFile(path + "/samples.json").array)
    let session = try AnswerSession(
      load(try ParityGolden.path("gemma3/infer")),
      options: {
        var options = GenerationOptions()
        options.maximumNewTokens = 10
        return options
      }())
    let asked = try samples.map { fact in
      ImageQuestion(
        imagePaths: try #require(fact["images"]?.array).compactMap(\.string).map { path + "/" + $0 },
        question: try #require(fact["question"]?.string))
    }
    #expect(asked.count == 15 && Set(asked.map(\.imagePaths.count)) == [1, 2, 3])
    for (question, fact) in zip(asked, samples) {
      let answer = try session.answer(question).answer
      #expect(answer.tokens == (try #require(fact["ids"]).integers), "\(fact)")
      #expect(sameBytes(answer.text, try #require(fact["text"]?.string)))
    }
    // Side by side, each image read and encoded once, nobody's answer follows the neighbours.
    let lines = try asked.map { question -> String in
      let line: JSONValue = [
        "image": .array(question.imagePaths.map(JSONValue.string)), "question": .string(question.question),
      ]
      return try line.serialized()
    }
    let file = try QuestionsFile(Data(lines.joined(separator: "\n").utf8), source: "lines", imageRoot: nil)
    #expect(try file.lines.map { try $0.question.get() } == asked)
    for groupSize in [4, 15] {
      var answers: [[Int]] = []
      try session.answer(file.lines, groupSize: groupSize) { answers.append(try $0.result.get().answer.tokens) }
      #expect(answers == (try samples.map { try #require($0["ids"]).integers }))
    }
  }

  @Test("from records of several images over shards to the loss: transformers' summed loss of each answer")
  func loss() throws {
    let path = try ParityGolden.path("gemma3/several"), directory = try TemporaryDirectory()
    let samples = try #require(JSONValue.parseFile(path + "/samples.json").array)
    let records = samples.map { fact -> JSONValue in
      ["image": fact["images"] ?? [], "problem": fact["question"] ?? "", "normal_caption": fact["answer"] ?? ""]
    }
    try JSONValue.array(records).write(to: directory.file("records.json"))
    let answering = try load(try ParityGolden.path("gemma3/infer"))
    let options = PreprocessOptions(
      records: directory.file("records.json"), imageRoots: [path], output: directory.file("shards"),
      transform: answering.transform)
    #expect(try Preprocessor.run(options).manifest.images == 3)
    let shards = try ShardDirectory.verified(options.output)
    let objective = JointObjective(
      model: answering.model, samples: try ShardSamples(shards, transform: answering.images.of(shards)),
      renderer: answering.renderer, policy: FreezingPolicy(trainsProjector: true, trainsDecoder: false))
    for index in samples.indices {
      let batch = try objective.prepare([index])
      #expect(objective.weight(of: batch) == samples[index]["tokens"]?.int)
      expectClose(
        [Float(try objective.evaluate(batch))], [samples[index]["loss"]?.double ?? 0].map(Float.init), relative: 2e-6)
    }
    // All in one batch: three images are encoded, whoever shows them.
    let batch = try objective.prepare(Array(samples.indices))
    #expect(batch.imageCount == 3 && batch.sequences.map(\.images.count).max() == 3)
    let sum = samples.reduce(0) { $0 + ($1["loss"]?.double ?? 0) }
    expectClose([Float(try objective.evaluate(batch))], [Float(sum)], relative: 2e-6)
  }

  @Test("a decoder alone is no joined model, and says what it is")
  func refused() throws {
    let path = try ParityGolden.path("model/gemma-window-short")
    let error = try #require(thrownCarinaError { try load(path) })
    #expect(error.kind == .badData && error.found == "a model of the type gemma3_text")
  }
}
