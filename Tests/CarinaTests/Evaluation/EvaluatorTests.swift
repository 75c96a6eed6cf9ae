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

  @Test("arms treat all images of a question together; predictions and page show them in their order")
  func severalImages() throws {
    // Each question about an image and the one before it, but every fourth about one alone.
    let archive = tiny.directory.file("archive"), records = tiny.directory.file("pairs.json")
    let own = try #require(JSONValue.parseFile(archive + "/stage2_train.json").array)
    let images = own.compactMap { $0["image"]?.string }
    let pairs = own.enumerated().map { index, record -> JSONValue in
      var record = record.object ?? JSONObject()
      record["patient"] = nil
      let prior = images[(index + 5) % images.count]
      if index % 4 != 3, prior != images[index] { record["image"] = .array([.string(images[index]), .string(prior)]) }
      return .object(record)
    }
    try JSONValue.array(pairs).write(to: records)
    let path = tiny.directory.file("pairs")
    _ = try Preprocessor.run(
      PreprocessOptions(records: records, imageRoots: [archive], output: path, transform: ImageTransform(size: 32)))
    let shards = try ShardDirectory(path)
    #expect(shards.manifest.version == 3)
    func run(_ output: String, batch: Int, cache: String? = nil) throws -> EvaluatorOutcome {
      var options = EvaluatorOptions(outputDirectory: tiny.directory.file(output))
      (options.replicates, options.limit, options.batchSize) = (20, 20, batch)
      options.generation.maximumNewTokens = 6
      (options.arms, options.withLikelihood) = (EvaluatorArm.allCases, true)
      options.featureCache = cache
      return try Evaluator(model: model, shards: shards, options: options).run()
    }
    let outcome = try run("several", batch: 7)
    let answers = try EvaluatorArm.allCases.map { try #require(outcome.answers[$0]) }
    for (one, other) in [(0, 1), (0, 2), (1, 2)] {
      #expect(zip(answers[one], answers[other]).allSatisfy { $0.nll != $1.nll })
    }
    // No answer depends on its neighbours, nor on features that are kept.
    for other in [try run("alone", batch: 1), try run("kept", batch: 5, cache: tiny.directory.file("features.h5"))] {
      for (arm, list) in zip(EvaluatorArm.allCases, answers) {
        let again = try #require(other.answers[arm])
        #expect(again.map(\.prediction) == list.map(\.prediction), "\(arm)")
        #expect(zip(again, list).allSatisfy { abs(($0.nll ?? 0) - ($1.nll ?? 9)) < 1e-3 })
      }
    }
    // The loss is that of the model asked alone about both images, in their order.
    let joined = model.answering.model, transform = try model.answering.images.of(shards)
    let index = try #require((0..<20).first { shards.sample($0).imageRows.count == 2 }), sample = shards.sample(index)
    let pixels = try ShardSamples(shards, transform: transform).tensor(
      ofImages: sample.imageRows, on: model.answering.device)
    let rows = joined.projector(joined.features(pixels, count: 2, tape: nil), tape: nil)
    let target = try model.renderer.training(question: sample.question, answer: sample.answer, images: 2)
    let losses = [[0, 1], [1, 0]].map { images in
      joined.loss([ImageTextSequence(target, images: images)], imageRows: rows, scale: 1, tape: nil).loss.values[0]
    }
    #expect(abs(Double(losses[0]) - (answers[0][index].nll ?? 0)) < 1e-3)
    #expect(abs(losses[0] - losses[1]) > 1e-3)
    // One image is a text, several are a list.
    let lines = String(decoding: tiny.bytes("several", "predictions.jsonl"), as: UTF8.self).split(separator: "\n")
    for (position, line) in lines.enumerated() {
      let names = shards.sample(position).imageRows.map { JSONValue.string(shards.image($0).id) }
      let written = try JSONValue.parse(String(line), source: "line")["image"]
      #expect(written == (names.count == 1 ? names[0] : .array(names)))
    }
    let html = try EvaluationReport(outcome, shards: shards).page().html()
    #expect(
      html.contains("alt=\"Radiograph 1 of \(sample.id)\"") && html.contains("alt=\"Radiograph 2 of \(sample.id)\""))
    #expect(try PredictionsFile.read(tiny.directory.file("several/predictions.jsonl")) == answers[0])
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
