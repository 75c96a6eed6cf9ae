import TestSupport
import Testing

import Carina

/// The tuning of a SigLIP against transformers' own loss and gradients (Tests/Reference/make_tower_goldens.py), in one piece
/// and in several.
@Suite("Tower parity") struct TowerParityTests {
  private static let sizes: [ContrastivePieces?] = [
    nil, ContrastivePieces(images: 8, texts: 8), ContrastivePieces(images: 3, texts: 5),
    ContrastivePieces(images: 1, texts: 1), ContrastivePieces(images: 2, texts: 8),
    ContrastivePieces(images: 3, texts: 5, keptPieces: 1), ContrastivePieces(images: 1, texts: 8, keptPieces: 7),
  ]

  private let golden: ParityGolden

  init() throws { golden = try ParityGolden("tower") }

  private func model() throws -> SiglipModel { try ParityModels.siglip(golden.path + "/model") }

  private func samples() throws -> ParitySamples {
    let pixels = try golden.tensor("pixel_values")
    let rows = pixels.reshaped([pixels.shape[0], pixels.count / pixels.shape[0]])
    let captions = try #require(golden.facts["captions"]?.array).compactMap(\.string)
    return ParitySamples(
      texts: captions.map { ("", $0) }, images: Array(captions.indices),
      pixelRows: (0..<rows.rows).map { rows.rowSlice($0..<$0 + 1).values })
  }

  private func objective(
    _ model: SiglipModel, _ samples: ParitySamples, pieces: ContrastivePieces?,
    freezing: TowerFreezing = TowerFreezing(),
    isCheckpointed: Bool = false
  ) throws -> ContrastiveObjective {
    let tokenizer = try SiglipTextTokenizer(directory: golden.path + "/model", defaultPadding: 0)
    let pairs = try ContrastivePairs(samples) { sample in
      let ids = tokenizer.padded(tokenizer.ids(samples.text(sample).answer), to: 12)
      return [(ids, { ids })]
    }
    return ContrastiveObjective(
      model: model, pairs: pairs, samples: samples, freezing: freezing, pieces: pieces, isCheckpointed: isCheckpointed)
  }

  /// Loss of the batch of all samples, its gradient left on the trained weights.
  private func loss(_ objective: ContrastiveObjective) throws -> Double {
    objective.trainedParameters(epoch: 0).train()
    let batch = try objective.prepare(Array(0..<objective.sampleCount))
    let sum = try objective.accumulate(batch, scale: Float(1 / Double(objective.sampleCount))).value
    return sum / Double(objective.sampleCount)
  }

  @Test(
    "loss and every gradient are transformers', in one piece and in several, checkpointed or not", arguments: sizes)
  func gradients(pieces: ContrastivePieces?) throws {
    for isCheckpointed in [false, true] {
      let model = try model()
      let found = try loss(objective(model, samples(), pieces: pieces, isCheckpointed: isCheckpointed))
      expectClose([found], [try golden.number("loss")], relative: 2e-6)
      try expectParity(model.parameters, golden, relative: 1e-5)
    }
  }

  @Test(
    "the gradient of pieces is that of one piece to a hundred thousandth, whatever is frozen", arguments: [0, 1, 2])
  func anyFreezing(kind: Int) throws {
    var freezing = TowerFreezing()
    freezing.freezesText = kind > 0
    freezing.freezesLogitScale = kind > 0
    freezing.frozenBlocks = kind == 2 ? 1 : 0
    // Equal texts, which are one, and images of the same text.
    var samples = try samples()
    samples.texts[3] = samples.texts[1]
    samples.texts[6] = samples.texts[1]
    let whole = try model(), wholeLoss = try loss(objective(whole, samples, pieces: nil, freezing: freezing))
    for pieces in Self.sizes.compactMap({ $0 }) {
      let divided = try model(), found = try loss(objective(divided, samples, pieces: pieces, freezing: freezing))
      expectClose([found], [wholeLoss], relative: 1e-6)
      for (one, other) in zip(divided.parameters, whole.parameters) {
        #expect((one.gradient != nil) == freezing.trains(one.name), "\(one.name)")
        guard let gradient = one.gradient, let expected = other.gradient else { continue }
        // A shift of all keys changes no attention: noise, held to the largest gradient of all.
        let isNoise = one.name.hasSuffix("k_proj.bias")
        expectClose(gradient, expected, relative: isNoise ? 0 : 1e-5, absolute: isNoise ? 1e-6 : 0, one.name)
      }
    }
  }

  @Test("in bfloat16, too, pieces make the gradient of one piece up to rounding, and no weight stays held")
  func bfloat16() throws {
    func gradients(_ pieces: ContrastivePieces?) throws -> [String: [Float]] {
      let model = try ModelDirectory(path: golden.path + "/model").loadSiglip(
        precision: .bfloat16, on: TestBackend.chosen
      )
      .model
      let objective = try objective(model, samples(), pieces: pieces)
      for _ in 0..<2 {
        for parameter in model.parameters { parameter.clearGradient() }
        _ = try loss(objective)
      }
      for map in model.vision.maps + model.text.maps {
        #expect(!map.weight.isHeld && map.weight.frozenFactor?.isPacked != true, "\(map.name)")
      }
      return model.parameters.reduce(into: [:]) { $0[$1.name] = $1.gradient?.values }
    }
    let whole = try gradients(nil), divided = try gradients(ContrastivePieces(images: 4, texts: 4))
    #expect(divided.count == whole.count)
    var away = 0.0, all = 0.0
    for (name, expected) in whole {
      for (one, other) in zip(try #require(divided[name]), expected) {
        away += Double((one - other) * (one - other))
        all += Double(other * other)
      }
    }
    #expect((away / all).squareRoot() < 0.02, "\((away / all).squareRoot())")
  }

  @Test(
    "how many pieces keep their results changes no bit, nor does checkpointing",
    arguments: [ElementType.float32, .bfloat16])
  func kept(precision: ElementType) throws {
    func gradients(_ keptPieces: Int, isCheckpointed: Bool = false) throws -> [String: [Float]] {
      let model = try ModelDirectory(path: golden.path + "/model").loadSiglip(
        precision: precision, on: TestBackend.chosen
      ).model
      let pieces = ContrastivePieces(images: 2, texts: 3, keptPieces: keptPieces)
      let objective = try objective(model, samples(), pieces: pieces, isCheckpointed: isCheckpointed)
      // Matrices are packed when they are used again.
      for _ in 0..<2 {
        for parameter in model.parameters { parameter.clearGradient() }
        _ = try loss(objective)
      }
      return model.parameters.reduce(into: [:]) { $0[$1.name] = $1.gradient?.values }
    }
    let none = try gradients(0)
    #expect(none.count > 50)
    for count in [1, 2, 3, 100] { #expect(try gradients(count) == none, "\(count)") }
    #expect(try gradients(0, isCheckpointed: true) == none)
  }

  @Test("three steps of AdamW on the whole batch, in pieces, end in PyTorch's weights")
  func steps() throws {
    let model = try model(), final = try SafetensorsFile(path: golden.path + "/final.safetensors")
    let steps = try #require(golden.facts["steps"]?.array)
    var settings = TrainingSettings()
    settings.batchSize = 8
    settings.epochCount = steps.count
    settings.learningRate = 0.003
    settings.weightDecay = 0.05
    settings.warmupRatio = 0
    settings.rateShape = .constant
    let trainer = try Trainer(
      objective(model, samples(), pieces: ContrastivePieces(images: 3, texts: 3)), settings: settings)
    for expected in steps {
      let report = try trainer.trainStep()
      expectClose([report.loss], [try #require(expected["loss"]?.double)], relative: 2e-5)
      expectClose([report.gradientNorm], [try #require(expected["grad_norm"]?.double)], relative: 1e-4)
    }
    let noise = ["k_proj.bias", "in_proj_bias"]
    for parameter in model.parameters where !noise.contains(where: parameter.name.hasSuffix) {
      expectClose(
        parameter.trainedValue.values, try final.tensor(named: parameter.name).values, relative: 2e-4, parameter.name)
    }
  }

  @Test(
    "which weights are trained: blocks by their ratio with the embeddings below, text and temperature by themselves")
  func freezing() throws {
    let model = try model()
    var settings = SettingValues<TowerSettingList>()
    func trained() -> [String] {
      TowerFreezing(settings, blockCount: 2).trainedParameters(of: model).map(\.name)
    }
    #expect(trained().count == model.vision.parameters.count + 1 && trained().last == "logit_bias")
    settings.frozenLayersRatio = 0.5
    #expect(trained().first == "vision_model.encoder.layers.1.layer_norm1.weight")
    settings.frozenLayersRatio = 0.49
    #expect(trained().first == "vision_model.embeddings.patch_embedding.weight")
    settings.frozenLayersRatio = 1
    #expect(trained().first == "vision_model.post_layernorm.weight")
    settings.freezesText = false
    settings.freezesLogitScale = false
    #expect(trained().contains("logit_scale") && trained().contains("text_model.head.bias"))
  }

  @Test("a number that is not finite is named by its operation, in pieces as in one")
  func notFinite() throws {
    var samples = try samples()
    samples.pixelRows[5][0] = .infinity
    let objective = try objective(model(), samples, pieces: ContrastivePieces(images: 2, texts: 2))
    objective.trainedParameters(epoch: 0).train()
    let watch = FiniteWatch()
    _ = try objective.accumulate(objective.prepare(Array(0..<8)), scale: 0.125, finiteWatch: watch)
    #expect(watch.first?.contains("patch_embedding") == true, "\(watch.first ?? "nothing")")
  }
}
