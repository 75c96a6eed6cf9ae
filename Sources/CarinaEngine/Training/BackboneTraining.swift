import CarinaData
import CarinaModel
import CarinaRuntime
import CarinaTensor
import CarinaText
import Foundation

/// What `train-stage0` is asked to do: the two backbones that a user of the default road does not bring.
public struct BackboneTrainingOptions: Sendable {
  /// Shards with captions, and any number with questions whose text the language model learns as well.
  package var captionShards: String, textShards: [String]
  /// Where both runs go: `vision/` and `language/` below it.
  public var outputDirectory: String
  /// Pieces of the tokenizer.
  public var vocabularySize = 1024
  /// Shape of the vision tower; the text tower has the same width.
  public var patchSize = 8, visionWidth = 96, visionLayers = 2, visionHeads = 4, textLayers = 2
  /// Shape of the decoder. Every sixth layer would be global; a small one has its last layer global.
  public var decoderWidth = 96, decoderLayers = 3, decoderHeads = 4, keyValueHeads = 2, window = 128
  /// Numbers of the two runs.
  public var vision = TrainingSettings(), language = TrainingSettings()
  /// Whether to go on from checkpoints.
  public var resume = ResumePolicy.automatic

  /// What cannot be left out.
  public init(captionShards: String, textShards: [String], outputDirectory: String) {
    self.captionShards = captionShards
    self.textShards = textShards
    self.outputDirectory = outputDirectory
    vision.batchSize = 32
    vision.learningRate = 1e-3
    vision.epochCount = 30
    vision.warmupRatio = 0.05
    language.batchSize = 32
    language.learningRate = 2e-3
    language.epochCount = 4
    language.warmupRatio = 0.05
  }
}

/// Stage 0: a tokenizer, a SigLIP trained on images and the sentences of their captions, and a Gemma 3 trained on their text.
public final class BackboneTraining {
  /// The part of stage 0 that a step belongs to.
  public enum Part: String, Sendable {
    /// The two towers of SigLIP.
    case vision
    /// The decoder.
    case language
  }

  private let options: BackboneTrainingOptions
  private let device: Device
  private let captions: ShardDirectory
  private let texts: [ShardDirectory]
  private let transform: ImageTransform

  /// Opens the shards.
  /// - Throws: `CarinaError` naming the directory at fault.
  public init(_ options: BackboneTrainingOptions, on device: Device) throws {
    self.options = options
    self.device = device
    captions = try ShardDirectory(options.captionShards)
    texts = try options.textShards.map { try ShardDirectory($0) }
    transform = captions.transform
    func require(_ holds: Bool, _ what: String, _ expected: String, _ found: Int) throws {
      guard !holds else { return }
      throw CarinaError(.usage, what, expected: expected, found: "\(found)")
    }
    for (option, value) in [
      ("--vision-heads", options.visionHeads), ("--decoder-heads", options.decoderHeads),
      ("--key-value-heads", options.keyValueHeads), ("--vision-width", options.visionWidth),
      ("--vision-layers", options.visionLayers),
      ("--text-layers", options.textLayers), ("--decoder-width", options.decoderWidth),
      ("--decoder-layers", options.decoderLayers), ("--vision-batch-size", options.vision.batchSize),
      ("--language-batch-size", options.language.batchSize), ("--vision-epochs", options.vision.epochCount),
      ("--language-epochs", options.language.epochCount),
    ] {
      try require(value >= 1, "\(option) cannot be used", "at least 1", value)
    }
    for (option, rate) in [
      ("--vision-learning-rate", options.vision.learningRate),
      ("--language-learning-rate", options.language.learningRate),
    ] where !(rate >= 0 && rate.isFinite) {
      throw CarinaError(.usage, "\(option) cannot be used", expected: "a number of at least 0", found: "\(rate)")
    }
    try options.vision.validate()
    try options.language.validate()
    try require(
      options.patchSize >= 1 && transform.size >= options.patchSize, "--patch-size does not fit the images",
      "from 1 to \(transform.size)", options.patchSize)
    try require(
      options.visionWidth % options.visionHeads == 0,
      "--vision-width does not divide among the heads", "a multiple of \(options.visionHeads)", options.visionWidth)
    try require(
      options.decoderWidth % (2 * options.decoderHeads) == 0,
      "--decoder-width does not divide among the heads", "a multiple of \(2 * options.decoderHeads)",
      options.decoderWidth)
    try require(
      options.decoderHeads % options.keyValueHeads == 0,
      "--key-value-heads does not divide the heads", "a divisor of \(options.decoderHeads)", options.keyValueHeads)
  }

  /// Where the finished models are.
  public var visionModel: String { "\(options.outputDirectory)/vision/final_model" }
  /// Where the finished decoder is.
  public var languageModel: String { "\(options.outputDirectory)/language/final_model" }

  /// Trains both, the one after the other; what is finished already is left alone.
  /// - Throws: see `TrainingRun.run`.
  public func run(
    shouldStop: @escaping () -> Bool = { false },
    onStep: @escaping (Part, StepReport, _ total: Int) -> Void = { _, _, _ in }
  ) throws {
    let tokenizerDirectory = "\(options.outputDirectory)/tokenizer"
    try AtomicFile.writeDirectory(to: tokenizerDirectory) { path in
      try BytePairTrainer(vocabularySize: options.vocabularySize).train(on: corpus()).write(to: path)
    }
    let tokenizer = try TokenizerFactory.load(directory: tokenizerDirectory)
    let source = ModelDirectory(path: tokenizerDirectory)
    try trainVision(tokenizer, source, shouldStop) { onStep(.vision, $0, $1) }
    try trainLanguage(tokenizer, source, shouldStop) { onStep(.language, $0, $1) }
  }

  /// Captions, questions and answers, each distinct text once, in the order of the shards.
  private func corpus() -> [String] {
    var seen = Set<String>(), corpus: [String] = []
    for shards in [captions] + texts {
      for index in 0..<shards.sampleCount {
        let sample = shards.sample(index)
        for text in [sample.question, sample.answer] where !text.isEmpty && seen.insert(text).inserted {
          corpus.append(text)
        }
      }
    }
    return corpus
  }

  private func trainVision(
    _ tokenizer: any Tokenizer, _ source: ModelDirectory, _ shouldStop: @escaping () -> Bool,
    _ onStep: @escaping (StepReport, Int) -> Void
  ) throws {
    func ids(_ sentence: String) -> [Int] {
      tokenizer.encode(sentence, recognizingSpecialTokens: false) + (tokenizer.endOfSequence.map { [$0] } ?? [])
    }
    let longest =
      (0..<captions.sampleCount).flatMap {
        CaptionSentences.split(captions.sample($0).answer).map { ids($0).count }
      }.max() ?? 1
    let vision = VisionConfig(
      imageSize: transform.size, patchSize: options.patchSize, hiddenSize: options.visionWidth,
      intermediateSize: 4 * options.visionWidth, layerCount: options.visionLayers, headCount: options.visionHeads)
    let text = TextEncoderConfig(
      vocabularySize: tokenizer.vocabularySize, maximumPositions: min(longest, 64), hiddenSize: options.visionWidth,
      intermediateSize: 4 * options.visionWidth, projectionSize: options.visionWidth, layerCount: options.textLayers,
      headCount: options.visionHeads, padToken: tokenizer.padding ?? 0)
    // Some eight sentences describe an image, of some forty in a batch.
    let model = SiglipModel(
      vision: vision, text: text, initialBias: -1.5,
      from: RandomParameterSource(seed: options.vision.seed, on: device.backend))
    let samples = try ShardSamples(captions, transform: transform)
    let objective = try ContrastiveObjective(model: model, samples: samples, encode: ids)
    try train(
      objective, options.vision, part: "vision", shape: .string("\(vision) \(text)"), shouldStop, onStep
    ) { [transform] path in
      try AtomicFile.writeDirectory(to: path) {
        try ModelDirectoryWriter.write(model, transform: transform, to: $0, type: .float32, tokenizer: source)
      }
    }
  }

  private func trainLanguage(
    _ tokenizer: any Tokenizer, _ source: ModelDirectory, _ shouldStop: @escaping () -> Bool,
    _ onStep: @escaping (StepReport, Int) -> Void
  ) throws {
    let sequences = try BackboneText.sequences([captions] + texts, tokenizer: tokenizer)
    let longest = sequences.map { $0.length(imageRows: 0) }.max() ?? 1
    let headSize = options.decoderWidth / options.decoderHeads
    let config = DecoderConfig(
      vocabularySize: tokenizer.vocabularySize, hiddenSize: options.decoderWidth,
      intermediateSize: 4 * options.decoderWidth, headCount: options.decoderHeads,
      keyValueHeadCount: options.keyValueHeads, headSize: headSize,
      layerIsLocal: (0..<options.decoderLayers).map { ($0 + 1) % min(6, options.decoderLayers) != 0 },
      window: options.window, localRotaryBase: 10_000, globalRotaryBase: 1_000_000,
      attentionScale: Float(pow(Double(headSize), -0.5)), maximumPositions: max(2048, longest),
      endTokens: [tokenizer.endOfSequence, tokenizer.endOfTurn].compactMap { $0 }, padToken: tokenizer.padding,
      beginToken: tokenizer.beginOfSequence)
    let decoder = Decoder(config, from: RandomParameterSource(seed: options.language.seed, on: device.backend))
    let objective = LanguageObjective(decoder: decoder, sequences: sequences)
    try train(objective, options.language, part: "language", shape: .string("\(config)"), shouldStop, onStep) { path in
      try AtomicFile.writeDirectory(to: path) {
        try ModelDirectoryWriter.write(decoder, to: $0, type: .float32, tokenizer: source)
      }
    }
  }

  private func train<Objective: TrainingObjective>(
    _ objective: Objective, _ settings: TrainingSettings, part: String, shape: JSONValue,
    _ shouldStop: @escaping () -> Bool, _ onStep: @escaping (StepReport, Int) -> Void,
    write: @escaping (String) throws -> Void
  ) throws {
    let shards = ([captions] + texts).flatMap { $0.manifest.shards.map { JSONValue.string($0.sha256) } }
    var run = TrainingRun(
      try Trainer(objective, settings: settings), outputDirectory: "\(options.outputDirectory)/\(part)",
      configuration: [
        "data": .array(shards), "shape": shape, "vocabulary_size": .integer(options.vocabularySize),
        "settings": settings.json,
      ], writeModel: write)
    run.resume = options.resume
    run.shouldStop = shouldStop
    run.onStep = onStep
    _ = try run.run()
  }
}
