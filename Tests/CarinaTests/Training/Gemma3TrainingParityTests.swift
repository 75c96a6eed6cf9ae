import TestSupport
import Testing

import Carina

/// Ten optimizer steps on joined Gemma 3 checkpoints, taken by the trainer in PyTorch's order of samples
/// (Tests/Reference/make_gemma3_goldens.py).
@Suite("Joined Gemma 3 training parity") struct Gemma3TrainingParityTests {
  private static let policies: [(name: String, policy: FreezingPolicy)] = [
    ("decoder", FreezingPolicy(trainsProjector: false, trainsDecoder: true)),
    ("frozen-embeddings", frozenEmbeddings), ("projector", .stage1),
    ("vision-first-epoch", FreezingPolicy(trainsProjector: true, trainsDecoder: true, trainsVisionInFirstEpoch: true)),
    ("own-head", FreezingPolicy(trainsProjector: true, trainsDecoder: true)),
  ]

  private static var frozenEmbeddings: FreezingPolicy {
    var policy = FreezingPolicy(trainsProjector: false, trainsDecoder: true)
    policy.freezesEmbeddings = true
    return policy
  }

  /// transformers' name in memory of an engine's parameter.
  private func name(_ parameter: Parameter, _ model: VisionLanguageModel) -> String {
    let name = parameter.name
    if name.hasPrefix("vision_model.") { return "model.vision_tower." + name.dropFirst("vision_model.".count) }
    if name.hasPrefix("mm_") { return "model.multi_modal_projector." + name }
    return name.hasPrefix("model.") ? "model.language_model." + name.dropFirst("model.".count) : name
  }

  private func objective(
    _ facts: JSONValue, _ model: VisionLanguageModel, _ policy: FreezingPolicy, isCheckpointed: Bool
  )
    throws -> JointObjective
  {
    let golden = try ParityGolden("gemma3/" + #require(facts["case"]?.string))
    let pixels = try golden.tensor("pixel_values"), rows = try #require(facts["samples"]?.array)
    let images = pixels.reshaped([pixels.shape[0], pixels.count / pixels.shape[0]])
    let samples = ParitySamples(
      texts: rows.map {
        (
          CharacterVocabulary.text($0["question"]?.integers ?? []),
          CharacterVocabulary.text($0["answer"]?.integers ?? [])
        )
      }, images: rows.map { $0["image"]?.int ?? 0 },
      pixelRows: (0..<images.rows).map { images.rowSlice($0..<$0 + 1).values })
    let renderer = try PromptRenderer(
      tokenizer: CharacterVocabulary.tokenizer(model.decoder.config), style: .plain, maximumQuestionTokens: 32,
      maximumAnswerTokens: 32)
    return JointObjective(
      model: model, samples: samples, renderer: renderer, policy: policy, isCheckpointed: isCheckpointed)
  }

  @Test(
    "losses, norms, rates and what the weights have become are transformers', with and without checkpointing",
    arguments: policies.indices, [false, true])
  func curve(index: Int, isCheckpointed: Bool) throws {
    let (stage, policy) = Self.policies[index]
    let facts = try JSONValue.parseFile(ParityGolden.path("gemma3/training/\(stage).json"))
    let directory = try JoinedGemma3Files.golden(#require(facts["case"]?.string))
    let model = try PipelineParts(joined: directory).join(precision: .float32, on: TestBackend.chosen).model
    let steps = try #require(facts["steps"]?.array), settings = try #require(facts["settings"])
    var trained = TrainingSettings()
    trained.batchSize = 2
    trained.gradientAccumulationSteps = 2
    trained.learningRate = try #require(settings["peak_learning_rate"]?.double)
    trained.weightDecay = try #require(settings["weight_decay"]?.double)
    trained.warmupRatio = try #require(settings["warmup_ratio"]?.double)
    trained.maximumGradientNorm = try #require(settings["max_grad_norm"]?.double)
    trained.epochCount = 2
    let batches = steps.flatMap { $0["batches"]?.array?.map(\.integers) ?? [] }
    let before = ParameterDigest(model.vision.parameters + model.projector.parameters + model.decoder.parameters)
    let objective = try objective(facts, model, policy, isCheckpointed: isCheckpointed)
    let trainer = try Trainer(
      ParityObjective(objective, microBatches: batches, sampleCount: 20), settings: trained)
    for (step, expected) in steps.enumerated() {
      let report = try trainer.trainStep()
      #expect(report.epoch == expected["epoch"]?.int && report.supervisedTokens == expected["supervised_tokens"]?.int)
      expectClose([report.learningRate], [try #require(expected["learning_rate"]?.double)], relative: 1e-12)
      expectClose([report.loss], [try #require(expected["loss"]?.double)], relative: 1e-4, "loss \(step)")
      expectClose([report.gradientNorm], [try #require(expected["grad_norm"]?.double)], relative: 1e-3, "norm \(step)")
    }
    #expect(trainer.isFinished)
    var final = try #require(facts["final"]?.object)
    let noise = Set(facts["noise_only"]?.array?.compactMap(\.string) ?? [])
    let changed = Set(
      ParameterDigest(objective.parameters).changes(since: before))
    for parameter in objective.parameters {
      let name = name(parameter, model)
      guard let sums = final[name]?.array?.compactMap(\.double) else {
        #expect(!changed.contains(parameter.name), "\(name) is frozen")
        continue
      }
      final[name] = nil
      guard !noise.contains(name) else { continue }
      let values = parameter.trainedValue.values.map(Double.init)
      let magnitude = values.reduce(0) { $0 + abs($1) }
      #expect(abs(values.reduce(0, +) - sums[0]) < 1e-4 * magnitude, "sum of \(name)")
      expectClose([values.reduce(0) { $0 + $1 * $1 }], [sums[1]], relative: 1e-4, "squares of \(name)")
    }
    #expect(final.isEmpty, "trained in the golden and unknown here: \(final.map(\.key))")
    #expect(changed.contains("model.embed_tokens.weight") == (policy.trainsDecoder && !policy.freezesEmbeddings))
  }

  @Test("a frozen table of embeddings gets no gradient, tied or not, and a head of its own still does")
  func frozenEmbeddings() throws {
    for (golden, hasOwnHead) in [("grouped", false), ("own-head", true)] {
      let directory = try JoinedGemma3Files.golden(golden)
      let model = try PipelineParts(joined: directory).join(precision: .float32, on: TestBackend.chosen).model
      let facts: JSONValue = ["case": .string(golden), "samples": [["image": 0, "question": [7, 8], "answer": [9]]]]
      let objective = try objective(facts, model, Self.frozenEmbeddings, isCheckpointed: false)
      let trained = objective.trainedParameters(epoch: 0)
      #expect(trained.count == model.decoder.parameters.count - 1)
      trained.forEach { $0.setTrainable(true) }
      _ = try objective.accumulate(objective.prepare([0]), scale: 1)
      #expect(model.decoder.tokenEmbedding.gradient == nil)
      #expect(trained.allSatisfy { $0.gradient != nil })
      #expect((model.decoder.head !== model.decoder.tokenEmbedding) == hasOwnHead)
    }
  }
}
