import Carina
import Foundation
import TestSupport
import Testing

@Suite struct EvaluatorTests {
  private let tiny: TinyEvaluation
  private let model: EvaluatorModel
  private let shards: ShardDirectory

  init() throws {
    tiny = try TinyEvaluation()
    model = try EvaluatorModel(AnsweringModel.load(checkpoint: tiny.checkpoint, precision: .float32))
    shards = try ShardDirectory(tiny.shards)
  }

  private func evaluator(
    _ output: String, _ change: (inout EvaluatorOptions) -> Void = { _ in }
  ) throws -> Evaluator {
    var options = EvaluatorOptions(outputDirectory: tiny.directory.file(output))
    options.replicates = 20
    options.limit = 20
    options.batchSize = 6
    options.generation.maximumNewTokens = 6
    change(&options)
    return try Evaluator(model: model, shards: shards, options: options)
  }

  @Test("answers follow the samples and do not depend on the batch size")
  func batchSizes() throws {
    let outcomes = try [1, 6, 20].map { size in
      try evaluator("batch-\(size)") {
        $0.batchSize = size
        $0.withLikelihood = true
      }.run()
    }
    let answers = try outcomes.map { try #require($0.answers[.trueImage]) }
    #expect(answers[0].map(\.id) == (0..<20).map { shards.sample($0).id })
    #expect(answers[0].map(\.references) == (0..<20).map { [shards.sample($0).answer] })
    #expect(Set(answers[0].map(\.prediction)).count > 1)
    for others in answers[1...] {
      #expect(others.map(\.prediction) == answers[0].map(\.prediction))
      #expect(others.map(\.tokens) == answers[0].map(\.tokens))
      for (one, other) in zip(others, answers[0]) {
        #expect(abs((one.nll ?? 0) - (other.nll ?? 9)) < 1e-3)
      }
    }
  }

  @Test("an answer and its likelihood are those of the model asked alone")
  func oneByOne() throws {
    let answers = try #require(try evaluator("all") { $0.withLikelihood = true }.run().answers[.trueImage])
    let joined = model.answering.model
    let transform = try model.answering.images.of(shards)
    for index in [0, 7, 19] {
      let sample = shards.sample(index)
      let pixels = Tensor(
        transform.normalized(try shards.pixels(imageRow: sample.imageRow)), shape: [1, 3 * 32 * 32])
      let rows = joined.projector(joined.features(pixels, count: 1, tape: nil), tape: nil)
      let target = try model.renderer.training(question: sample.question, answer: sample.answer)
      let loss = joined.loss(
        [
          ImageTextSequence(
            tokensBefore: target.tokensBeforeImage, image: 0, tokensAfter: target.tokensAfterImage,
            supervised: target.supervised)
        ], imageRows: rows, scale: 1, tape: nil)
      #expect(abs(Double(loss.loss.values[0]) - (answers[index].nll ?? 0)) < 1e-3)
      #expect(answers[index].tokens == target.supervisedCount)
    }
  }

  @Test("a shuffled and a blank image change the likelihoods; blank ones make equal questions equal")
  func arms() throws {
    let outcome = try evaluator("arms") {
      $0.arms = EvaluatorArm.allCases
      $0.withLikelihood = true
      $0.limit = nil
    }.run()
    let likelihoods = try EvaluatorArm.allCases.map { arm in
      try #require(outcome.answers[arm]).map { $0.nll ?? 0 }
    }
    for (one, other) in [(0, 1), (0, 2), (1, 2)] {
      #expect(zip(likelihoods[one], likelihoods[other]).allSatisfy { $0 != $1 })
    }
    let blank = try #require(outcome.answers[.blank])
    for group in Dictionary(grouping: blank, by: \.question).values {
      #expect(Set(group.map(\.prediction)).count == 1)
    }
    #expect(Set(outcome.report.arms.keys) == ["shuffled", "blank"])
    #expect(outcome.report.arms["blank"]?["nll-per-token"] != outcome.report.metrics["nll-per-token"])
    #expect(outcome.remarks.contains { $0.contains("cut at 6 tokens") })
  }

  @Test("a stopped evaluation goes on, without its torn last line, to the bytes of one that was not stopped")
  func resuming() throws {
    func change(_ options: inout EvaluatorOptions) {
      options.arms = [.trueImage, .shuffled]
      options.withLikelihood = true
    }
    _ = try evaluator("whole", change).run()
    var batches = 0
    let error = thrownCarinaError {
      try evaluator("stopped", change).run(shouldStop: { batches == 5 }, onAnswers: { _ in batches += 1 })
    }
    #expect(error?.kind == .interrupted && error?.what.contains("26 of 40") == true)
    let partial = tiny.directory.file("stopped/evaluation.partial/shuffled.jsonl")
    let file = try #require(FileHandle(forWritingAtPath: partial))
    try file.seekToEnd()
    try file.write(contentsOf: Data("{\"id\": \"x\", \"prediction\": \"half a li".utf8))
    try file.close()
    var left = 0, made = 0
    let again = try evaluator("stopped", change)
    _ = try again.run(onResume: { left = $0 }, onAnswers: { _ in made += 1 })
    #expect(left == 26 && made == 3)
    for name in ["predictions.jsonl", "predictions-shuffled.jsonl", "metrics.json"] {
      #expect(!tiny.bytes("whole", name).isEmpty)
      #expect(tiny.bytes("whole", name) == tiny.bytes("stopped", name), "\(name)")
    }
    try again.removeProgress()
    #expect(!FileManager.default.fileExists(atPath: tiny.directory.file("stopped/evaluation.partial")))
    #expect(!String(decoding: tiny.bytes("whole", "metrics.json"), as: UTF8.self).contains(tiny.directory.path))
  }

  @Test("an unfinished evaluation with other options is not gone on with")
  func otherConfiguration() throws {
    _ = thrownCarinaError { try evaluator("other").run(shouldStop: { true }) }
    let error = thrownCarinaError { try evaluator("other") { $0.generation.maximumNewTokens = 7 }.run() }
    #expect(error?.kind == .usage)
    #expect(error?.what.contains("max_new_tokens was 6, is 7") == true)
  }

  @Test("what cannot be evaluated is refused by name")
  func refusals() throws {
    #expect(thrownCarinaError { try evaluator("x") { $0.limit = 0 } }?.what.contains("limit") == true)
    #expect(thrownCarinaError { try evaluator("x") { $0.batchSize = 0 } }?.what.contains("batch_size") == true)
    for text in ["", "shuffled", "true,true", "true,fake"] {
      #expect(thrownCarinaError { try EvaluatorArm.list(text) }?.kind == .usage)
    }
    #expect(try EvaluatorArm.list("blank,true") == [.trueImage, .blank])
    let one = thrownCarinaError {
      try evaluator("x") {
        $0.arms = [.trueImage, .shuffled]
        $0.limit = 1
      }
    }
    #expect(one?.what.contains("at least two images") == true)
    let short = try EvaluatorModel(
      AnsweringModel.load(checkpoint: tiny.checkpoint, precision: .float32, maximumQuestionTokens: 1))
    let long = thrownCarinaError {
      try Evaluator(model: short, shards: shards, options: EvaluatorOptions(outputDirectory: "x"))
    }
    #expect(long?.kind == .badData && long?.location?.contains(shards.sample(0).id) == true)
    let grey = tiny.directory.file("grey")
    _ = try Preprocessor.run(
      PreprocessOptions(
        records: tiny.directory.file("archive/stage2_train.json"), imageRoots: [tiny.directory.file("archive")],
        output: grey, transform: try ImageTransform(size: 32, colour: .grey)))
    let otherPixels = thrownCarinaError {
      try Evaluator(
        model: model, shards: try ShardDirectory(grey), options: EvaluatorOptions(outputDirectory: "x"))
    }
    #expect(otherPixels?.kind == .badData && otherPixels?.what.contains("prepared in another way") == true)
  }

  @Test("a tokenizer may know pieces that the model lacks, as Gemma's does, but no text may need them")
  func surplusPieces() throws {
    let path = tiny.directory.file("surplus"), file = path + "/tokenizer.json"
    try FileManager.default.copyItem(atPath: tiny.checkpoint, toPath: path)
    func evaluate(adding content: String) throws -> Evaluator {
      var json = try #require(JSONValue.parseFile(tiny.checkpoint + "/tokenizer.json").object)
      let entry: JSONValue = [
        "id": .integer(model.renderer.tokenizer.vocabularySize), "content": .string(content), "special": false,
        "normalized": false, "lstrip": false, "rstrip": false, "single_word": false,
      ]
      json["added_tokens"] = .array((json["added_tokens"]?.array ?? []) + [entry])
      try AtomicFile.write(JSONValue.object(json).serialized(), to: file)
      let more = try EvaluatorModel(AnsweringModel.load(checkpoint: path, precision: .float32))
      #expect(more.renderer.tokenizer.vocabularySize > more.answering.model.decoder.config.vocabularySize)
      return try Evaluator(model: more, shards: shards, options: EvaluatorOptions(outputDirectory: "x"))
    }
    _ = try evaluate(adding: "<image_soft_token>")
    let refused = thrownCarinaError { try evaluate(adding: shards.sample(0).question) }
    #expect(refused?.kind == .badData && refused?.what.contains("ids that the model does not have") == true)
    #expect(refused?.location?.contains("sample") == true)
  }
}
