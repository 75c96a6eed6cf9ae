import TestSupport
import Testing

import Carina

@Suite("Overfitting") struct OverfitTests {
  private static let question = "what is seen?"
  private static let answers = ["there is a small effusion", "no"]

  /// A disc, bright on dark or dark on bright.
  private func image(_ number: Int) throws -> ImagePixels {
    ImagePixels(
      values: (0..<256).map { index in
        let (x, y) = (index % 16 - 8, index / 16 - 8)
        return (x * x + y * y < 30) == (number == 0) ? 220 : 20
      }, size: 16, channels: 1)
  }

  private func model(vocabulary: Int) throws -> VisionLanguageModel {
    let source = RandomParameterSource(seed: 6)
    let vision = VisionEncoder(
      VisionConfig(imageSize: 16, patchSize: 8, hiddenSize: 16, intermediateSize: 32, layerCount: 1, headCount: 2),
      from: source)
    let decoder = Decoder(
      DecoderConfig(
        vocabularySize: vocabulary, hiddenSize: 32, intermediateSize: 64, headCount: 2, keyValueHeadCount: 1,
        headSize: 16, layerIsLocal: [true, false], window: 16, localRotaryBase: 10_000, globalRotaryBase: 1_000_000,
        attentionScale: 0.25, maximumPositions: 128, endTokens: [1], padToken: 0, beginToken: 2), from: source)
    return try VisionLanguageModel(
      vision: vision,
      projector: Projector(ProjectorConfig(inputSize: 16, hiddenSize: 32, outputSize: 32), from: source),
      decoder: decoder)
  }

  @Test("a tiny model learns two answers to one question about two images, and stops by itself behind each")
  func answersAndStops() throws {
    let directory = try TemporaryDirectory(), transform = try ImageTransform(size: 16)
    let tokens = try BytePairTrainer(vocabularySize: 290).train(on: Self.answers + [Self.question])
    try tokens.write(to: directory.file("tokenizer"))
    let renderer = try PromptRenderer(
      tokenizer: TokenizerFactory.load(directory: directory.file("tokenizer")), style: .gemma,
      maximumQuestionTokens: 64, maximumAnswerTokens: 64)
    let model = try model(vocabulary: tokens.pieces.count)
    let samples = ParitySamples(
      texts: Self.answers.map { (Self.question, $0) }, images: [0, 1],
      pixelRows: try [0, 1].map { try transform.normalized(image($0)) })
    var settings = TrainingSettings()
    settings.batchSize = 2
    settings.epochCount = 60
    settings.learningRate = 1e-2
    settings.warmupRatio = 0.1
    let trainer = try Trainer(
      JointObjective(
        model: model, samples: samples, renderer: renderer,
        policy: FreezingPolicy(trainsProjector: true, trainsDecoder: true)), settings: settings)
    let first = try trainer.trainStep().loss
    var last = first
    while !trainer.isFinished { last = try trainer.trainStep().loss }
    #expect(first > 2 && last < 0.05, "\(first), \(last)")

    try JoinedModelWriter.write(
      model, languageModel: .copy, visionEncoder: .copy, tokenizer: ModelDirectory(path: directory.file("tokenizer")),
      description: .init(
        promptStyle: .gemma, maximumQuestionTokens: 64, maximumAnswerTokens: 64, transform: transform),
      type: .float32, to: directory.file("model"))
    var options = GenerationOptions()
    options.maximumNewTokens = 40
    let session = try AnswerSession(
      AnsweringModel.load(checkpoint: directory.file("model"), precision: .float32), options: options)
    let prompt = try session.prompt(Self.question)
    let found = try session.answers(
      [([0], prompt), ([1], prompt)], imageRows: session.imageRows(of: [image(0), image(1)]))
    #expect(found.answers.map(\.text) == Self.answers)
    #expect(found.answers.map(\.reachedEnd) == [true, true])
  }
}
