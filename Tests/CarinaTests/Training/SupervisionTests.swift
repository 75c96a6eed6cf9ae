import TestSupport
import Testing

import Carina

/// The loss on prompt and answer, against transformers with the labels of all text ids (make_loss_goldens.py).
@Suite("What the loss is taken on") struct SupervisionTests {
  private let facts: JSONValue
  private let tensors: SafetensorsFile

  init() throws {
    facts = try JSONValue.parseFile(ParityGolden.path("loss") + "/supervise-all.json")
    tensors = try SafetensorsFile(path: ParityGolden.path("loss") + "/supervise-all.safetensors")
  }

  private func expectGradients(_ model: VisionLanguageModel, _ name: String) throws {
    let parts = [("projector.", model.projector.parameters), ("language_model.", model.decoder.parameters)]
    let named = parts.flatMap { prefix, parameters in parameters.map { (prefix + $0.name, $0) } }
    let norm = AdamW.gradientNorm(named.map(\.1))
    expectClose([norm], [try #require(facts["cases"]?[name]?["grad_norm"]?.double)], relative: 2e-5, name)
    var compared = 0
    for entry in tensors.entries where entry.name.hasPrefix("\(name).grad.") {
      let key = entry.name.dropFirst("\(name).grad.".count)
      let parameter = try #require(named.first { $0.0 == key }?.1, "\(key)")
      expectClose(
        try #require(parameter.gradient), try tensors.tensor(named: entry.name), relative: 1e-4, entry.name)
      compared += 1
    }
    #expect(compared == 6)
  }

  @Test("rendered samples have the loss and the gradients of all their text ids")
  func rendered() throws {
    let model = try TrainingGoldenData.model(), golden = try #require(facts["cases"]?["rendered"])
    (model.projector.parameters + model.decoder.parameters).train()
    let objective = try TrainingGoldenData().joint(
      model, policy: FreezingPolicy(trainsProjector: true, trainsDecoder: true), supervision: .all)
    let batch = try objective.prepare([0, 1, 2, 3]), tokens = try #require(golden["tokens"]?.int)
    #expect(objective.weight(of: batch) == tokens)
    let loss = try objective.accumulate(batch, scale: 1 / Float(tokens)).value / Double(tokens)
    expectClose([loss], [try #require(golden["loss"]?.double)], relative: 3e-6)
    try expectGradients(model, "rendered")
    // The answers alone are fewer ids with another loss.
    let answers = try TrainingGoldenData().joint(model, policy: .stage1).prepare([0, 1, 2, 3])
    #expect(answers.sequences.reduce(0) { $0 + $1.supervisedCount } < tokens)
  }

  @Test("images further in, several of them, and text between", arguments: ["placed", "smoothed"], [false, true])
  func placed(name: String, isCheckpointed: Bool) throws {
    let model = try TrainingGoldenData.model(), golden = try #require(facts["cases"]?[name])
    (model.projector.parameters + model.decoder.parameters).train()
    var images: [Int] = []
    let sequences = try #require(golden["samples"]?.array).map { sample in
      let ids = try #require(sample["ids"]).integers, starts = try #require(sample["images_at"]).integers
      let shown = try #require(sample["images"]).integers.map { image in
        images.append(image)
        return images.count - 1
      }
      let between = zip(starts, starts.dropFirst()).map { Array(ids[$0..<$1]) }
      let before = Array(ids[..<starts[0]]), after = Array(ids[starts[starts.count - 1]...])
      return ImageTextSequence(
        tokensBefore: before, images: shown, tokensBetween: between, tokensAfter: after,
        supervised: after.map { _ in true }, supervisedBefore: before.indices.map { $0 > 0 },
        supervisedBetween: between.map { $0.map { _ in true } })
    }
    let tokens = sequences.reduce(0) { $0 + $1.supervisedCount }
    #expect(tokens == golden["tokens"]?.int)
    let pixels = try TrainingGoldenData().pixels, tape = Tape()
    let shown = Tensor(
      images.flatMap { pixels[$0] }, shape: [images.count, pixels[0].count], on: TestBackend.chosen)
    let features = model.features(shown, count: images.count, tape: nil)
    let result = model.loss(
      sequences, imageRows: model.projector(features, tape: tape), scale: 1 / Float(tokens),
      labelSmoothing: try #require(golden["smoothing"]?.double), isCheckpointed: isCheckpointed, tape: tape)
    tape.backward(from: result.loss)
    expectClose(result.loss, [try #require(golden["loss"]?.double)], relative: 3e-6)
    #expect(result.tokenLosses.count == tokens)
    try expectGradients(model, name)
  }

  @Test(
    "in every layout all text ids are targets but the first, and no mark of an image", arguments: PromptStyle.allCases)
  func layouts(style: PromptStyle) throws {
    let tokenizer = try TokenizerFactory.load(directory: ParityGolden.path("text/gemma3-prompt"))
    var renderer = try PromptRenderer(
      tokenizer: tokenizer, style: style, maximumQuestionTokens: 6, maximumAnswerTokens: 4,
      system: style == .gemma3 ? "You read radiographs." : nil)
    let question = "Is there a pleural effusion on the left side of this chest?", answer = "No, there is none at all."
    for images in style == .gemma3 ? [0, 1, 3] : [1, 3] {
      renderer.supervision = .answer
      let plain = try renderer.training(question: question, answer: answer, images: images)
      #expect(plain.supervisedBefore.allSatisfy { !$0 } && plain.supervisedBetween.allSatisfy { $0.allSatisfy { !$0 } })
      renderer.supervision = .all
      let all = try renderer.training(question: question, answer: answer, images: images)
      #expect(all.tokensBeforeImage == plain.tokensBeforeImage && all.tokensAfterImage == plain.tokensAfterImage)
      #expect(all.tokensBetweenImages == plain.tokensBetweenImages)
      let ids = all.tokensBeforeImage + all.tokensBetweenImages.joined() + all.tokensAfterImage
      let flags = all.supervisedBefore + all.supervisedBetween.joined() + all.supervised
      #expect(flags.count == ids.count)
      let mark = style == .gemma3 ? try #require(tokenizer.id(of: "<start_of_image>")) : -1
      let opensWithImage = images > 0 && all.tokensBeforeImage.isEmpty
      for (index, flag) in flags.enumerated() {
        #expect(flag == (ids[index] != mark && (index > 0 || opensWithImage)), "\(style) \(images) \(index)")
      }
      #expect(all.supervisedCount == flags.count { $0 } && all.supervisedCount > plain.supervisedCount)
    }
  }
}
