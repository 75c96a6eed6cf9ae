import Foundation
import Testing

import Carina

/// Ten optimizer steps of one stage as PyTorch took them (Tests/Reference/make_training_goldens.py says what each file holds).
struct TrainingGolden {
  /// One optimizer step: rows of each micro-batch, and what was reported.
  struct Step {
    let epoch: Int, batches: [[Int]], supervisedTokens: Int?
    let loss: Double, gradientNorm: Double, learningRate: Double
  }

  let steps: [Step]
  let settings: JSONValue
  /// Tensors whose exact gradient is zero: what Adam makes of the rounding there means nothing.
  let noise: Set<String>
  /// The tensors that moved and are not decayed.
  let undecayed: Set<String>
  let final: SafetensorsFile

  init(_ stage: String) throws {
    let path = try ParityGolden.path("training/\(stage)")
    let facts = try JSONValue.parseFile(path + "/golden.json")
    final = try SafetensorsFile(path: path + "/final.safetensors")
    settings = try #require(facts["settings"])
    noise = Set(facts["noise_only"]?.array?.compactMap(\.string) ?? [])
    undecayed = Set(facts["no_decay"]?.array?.compactMap(\.string) ?? [])
    steps = try #require(facts["steps"]?.array).map { fact in
      Step(
        epoch: try #require(fact["epoch"]?.int),
        batches: try fact["batches"]?.array?.map(\.integers) ?? [#require(fact["images"]).integers],
        supervisedTokens: fact["supervised_tokens"]?.int, loss: try #require(fact["loss"]?.double),
        gradientNorm: try #require(fact["grad_norm"]?.double), learningRate: try #require(fact["learning_rate"]?.double)
      )
    }
  }

  /// The trainer's settings for micro-batches of `batchSize`.
  func trainingSettings(batchSize: Int, accumulationSteps: Int) throws -> TrainingSettings {
    var result = TrainingSettings()
    result.batchSize = batchSize
    result.gradientAccumulationSteps = accumulationSteps
    result.learningRate = try #require(settings["peak_learning_rate"]?.double)
    result.weightDecay = try #require(settings["weight_decay"]?.double)
    result.warmupRatio = try #require(settings["warmup_ratio"]?.double)
    result.maximumGradientNorm = try #require(settings["max_grad_norm"]?.double)
    result.epochCount = 2
    return result
  }
}

/// The data and the starting weights that all stages share.
struct TrainingGoldenData {
  /// The joined model that stages 1 and 2 begin with.
  static func model() throws -> VisionLanguageModel {
    try VisionLanguageModel(
      vision: ParityModels.vision(ParityGolden.path("training/siglip")),
      projector: ParityModels.projector(ParityGolden.path("training/projection_layer")),
      decoder: ParityModels.decoder(ParityGolden.path("training/language_model")))
  }

  let data: JSONValue
  let pixels: [[Float]]

  init() throws {
    data = try JSONValue.parseFile(ParityGolden.path("training/data.json"))
    let all = try SafetensorsFile(path: ParityGolden.path("training/data.safetensors")).tensor(named: "pixel_values")
    let images = all.reshaped([all.shape[0], all.count / all.shape[0]])
    pixels = (0..<images.rows).map { images.rowSlice($0..<$0 + 1).values }
  }

  func samples(_ name: String) throws -> [ImageTextSequence] {
    try #require(data[name]?.array).map { try ImageTextSequence(golden: $0) }
  }

  /// Stage 0, vision: sentence T of a caption is the text of row T, and an image's caption has the sentences that describe it.
  func contrastive(_ model: SiglipModel) throws -> ContrastiveObjective {
    let ids = try #require(data["text_ids"]?.array).map(\.integers)
    let positives = try #require(data["positives"]?.array).map(\.integers)
    let captions = positives.map { row in
      row.indices.filter { row[$0] == 1 }.map { "\($0)." }.joined(separator: " ")
    }
    let samples = ParitySamples(
      texts: captions.map { ("", $0) }, images: Array(captions.indices), pixelRows: pixels)
    return try ContrastiveObjective(model: model, samples: samples) { ids[Int($0.dropLast()) ?? 0] }
  }

  /// Stages 1 and 2: the ids, written as texts, go through the renderer.
  func joint(
    _ model: VisionLanguageModel, policy: FreezingPolicy, isCheckpointed: Bool = false,
    supervision: Supervision = .answer, adapters: TrainedAdapters? = nil
  ) throws -> JointObjective {
    let sequences = try samples("joined")
    let texts = sequences.map { sequence -> (String, String) in
      let first = sequence.supervised.firstIndex(of: true) ?? 0
      return (
        CharacterVocabulary.text(sequence.tokensAfter[..<first]),
        CharacterVocabulary.text(sequence.tokensAfter[first...].dropLast())
      )
    }
    let samples = ParitySamples(texts: texts, images: sequences.map { $0.image ?? 0 }, pixelRows: pixels)
    var renderer = try PromptRenderer(
      tokenizer: CharacterVocabulary.tokenizer(model.decoder.config), style: .plain, maximumQuestionTokens: 32,
      maximumAnswerTokens: 32)
    renderer.supervision = supervision
    return JointObjective(
      model: model, samples: samples, renderer: renderer, policy: policy, isCheckpointed: isCheckpointed,
      adapters: adapters)
  }
}
