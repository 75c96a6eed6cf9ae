import Carina
import TestSupport
import Testing

/// Low-rank adapters against PEFT: logits, gradients of both factors, and ten optimizer steps, for both classes of model.
@Suite("Adapter parity") struct AdapterParityTests {
  /// Ranks 1, 4 and 16; lists, patterns and all linear layers; rank-stabilised; with and without dropout.
  static let trained = [
    "causal-rank-1", "causal-rank-4", "causal-rank-16-dropout", "joined-rank-1", "joined-rank-4",
    "joined-rank-16-dropout",
  ]
  /// Whole weights beside the factors; patterns of rank and alpha, saved under a name.
  static let opened = ["opened-saved", "opened-embedding", "opened-patterns"]

  @Test("PEFT's own adapters are opened, and give its logits", arguments: trained + opened)
  func logits(name: String) throws {
    let golden = try AdapterGolden(name), model = try golden.adapted().model
    let plain = try golden.parts().join(precision: .float32, on: TestBackend.chosen).model
    for sample in try #require(golden.facts["samples"]).integers {
      let expected = try golden.tensor("logits.\(sample)"), found = try golden.logits(model, sample: sample)
      expectClose(found, expected, relative: 1e-5, "\(name) \(sample)")
      // So that the tolerance says something.
      let other = try golden.logits(plain, sample: sample)
      #expect(zip(other.doubles, expected.doubles).map { abs($0 - $1) }.max() ?? 0 > 0.05)
    }
  }

  @Test("merged weights give the logits of weights and adapter", arguments: trained + opened)
  func merged(name: String) throws {
    let golden = try AdapterGolden(name), model = try golden.adapted().model
    let samples = try #require(golden.facts["samples"]).integers
    let before = try samples.map { try golden.logits(model, sample: $0) }
    AdapterMerge.merge(model)
    #expect((model.decoder.maps + model.vision.maps + model.projector.maps).allSatisfy { $0.adapters.isEmpty })
    for (sample, expected) in zip(samples, before) {
      expectClose(try golden.logits(model, sample: sample), expected, relative: 1e-5, "\(name) \(sample)")
    }
  }

  /// The base with fresh adapters that begin with the golden's numbers.
  private func begin(_ golden: AdapterGolden) throws -> (model: VisionLanguageModel, adapters: TrainedAdapters) {
    let file = try PeftAdapterFile(path: golden.path), configuration = file.configuration
    let json = try JSONValue.parseFile(golden.path + "/adapter_config.json")
    var settings = SettingValues<LoraSettingList>()
    settings.rank = configuration.rank
    settings.alpha = configuration.alpha
    settings.dropout = try #require(json["lora_dropout"]?.double)
    settings.stabilizesRank = configuration.stabilizesRank
    settings.adaptsVision = file.changes.contains { $0.part == .visionEncoder }
    if case .names(let names) = configuration.targets, names.count == 2 { settings.targets = .names(names) }
    settings.learningRate = try #require(golden.facts["settings"]?["peak_learning_rate"]?.double)
    try settings.validate()
    let parts = try golden.parts(), plan = try #require(try parts.loraPlan(settings))
    let model = try parts.join(precision: .float32, on: TestBackend.chosen).model
    let adapters = plan.attach(to: model, seed: UInt64(try #require(golden.facts["dropout_seed"]?.int)))
    #expect(adapters.adapters.count == file.changes.count)
    for (part, adapter) in adapters.adapters {
      let change = try #require(file.changes.first { $0.part == part && $0.map == adapter.map })
      #expect(adapter.b.value.values.allSatisfy { $0 == 0 } && change.scale == adapter.scale)
      let (a, b) = (
        try file.weights.tensor(named: "base_model.model.\(change.path).lora_A.weight"),
        try file.weights.tensor(named: "base_model.model.\(change.path).lora_B.weight")
      )
      adapter.a.assign(a)
      adapter.b.assign(b)
    }
    return (model, adapters)
  }

  private func objective(
    _ model: VisionLanguageModel, _ adapters: TrainedAdapters, isCheckpointed: Bool
  ) throws -> JointObjective {
    let renderer = try PromptRenderer(
      tokenizer: CharacterVocabulary.tokenizer(model.decoder.config), style: .plain, maximumQuestionTokens: 32,
      maximumAnswerTokens: 32)
    return JointObjective(
      model: model, samples: ParitySamples(), renderer: renderer,
      policy: FreezingPolicy(trainsProjector: false, trainsDecoder: false), isCheckpointed: isCheckpointed,
      adapters: adapters)
  }

  @Test("ten steps are PEFT's, with and without checkpointed blocks", arguments: trained, [false, true])
  func steps(name: String, isCheckpointed: Bool) throws {
    let golden = try AdapterGolden(name)
    let (model, adapters) = try begin(golden)
    let own = try objective(model, adapters, isCheckpointed: isCheckpointed)
    let facts = try #require(golden.facts["steps"]?.array), settings = try #require(golden.facts["settings"])
    let batches = try facts.map { try #require($0["batches"]?.array).map(\.integers) }
    let accumulation = batches[0].count
    var run = TrainingSettings()
    run.batchSize = 1
    run.gradientAccumulationSteps = accumulation
    // Whole weights have another rate, which no adapter takes.
    run.learningRate = 0.5
    run.weightDecay = try #require(settings["weight_decay"]?.double)
    run.warmupRatio = try #require(settings["warmup_ratio"]?.double)
    run.maximumGradientNorm = try #require(settings["max_grad_norm"]?.double)
    run.epochCount = 2
    let trainer = try Trainer(
      AdapterParityObjective(
        own, golden: golden, microBatches: batches.flatMap { $0 }, sampleCount: accumulation * facts.count / 2),
      settings: run)
    let frozen = own.parameters.filter { own.ownRate(of: $0) == nil }, before = ParameterDigest(frozen)
    for (index, expected) in facts.enumerated() {
      let report = try trainer.trainStep()
      expectClose(
        [report.learningRate], [try #require(expected["learning_rate"]?.double)], relative: 1e-12, absolute: 1e-18)
      expectClose([report.loss], [try #require(expected["loss"]?.double)], relative: 2e-5, "loss \(index)")
      expectClose([report.gradientNorm], [try #require(expected["grad_norm"]?.double)], relative: 1e-4, "norm \(index)")
      #expect(report.supervisedTokens == expected["supervised_tokens"]?.int)
    }
    #expect(trainer.isFinished && ParameterDigest(frozen).changes(since: before).isEmpty)
    #expect(frozen.allSatisfy { !$0.isTrainable && $0.gradient == nil })
    try compare(golden, adapters, "final") { $0.trainedValue }
  }

  @Test("the gradients of both factors are PEFT's", arguments: trained)
  func gradients(name: String) throws {
    let golden = try AdapterGolden(name)
    let (model, adapters) = try begin(golden)
    let own = try objective(model, adapters, isCheckpointed: false)
    for parameter in adapters.parameters { parameter.setTrainable(true) }
    let batches = try #require(golden.facts["steps"]?[0]?["batches"]?.array).map(\.integers).map(golden.batch)
    own.begin(step: 0)
    let total = batches.reduce(0) { $0 + own.weight(of: $1) }
    for batch in batches { _ = try own.accumulate(batch, scale: 1 / Float(total)) }
    try compare(golden, adapters, "gradient") { try #require($0.gradient) }
  }

  private func compare(
    _ golden: AdapterGolden, _ adapters: TrainedAdapters, _ what: String, _ value: (Parameter) throws -> Tensor
  ) throws {
    for (part, adapter) in adapters.adapters {
      let path = AdapterModuleName.path(of: adapter.map, part, in: golden.isJoined ? .gemma3 : nil)
      for (factor, parameter) in [("lora_A", adapter.a), ("lora_B", adapter.b)] {
        let name = "base_model.model.\(path).\(factor).weight"
        expectClose(
          try value(parameter), try golden.tensor("\(what).\(name)"), relative: 1e-4, absolute: 1e-6, "\(what) \(name)")
      }
    }
  }
}
