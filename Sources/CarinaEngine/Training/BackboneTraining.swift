import CarinaData
import CarinaModel
import CarinaRuntime
import CarinaTensor
import CarinaText
import Foundation

/// Stage 0: a tokenizer, a SigLIP trained on images and the sentences of their captions, and a Gemma 3 trained on their
/// text.
public final class BackboneTraining {
  /// The part of stage 0 that a step belongs to.
  public enum Part: String, Sendable {
    /// The two towers of SigLIP.
    case vision
    /// The decoder.
    case language
  }

  /// Told what was noticed in the directories of the runs, for the log.
  public var onRemark: (String) -> Void = { _ in }
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
    try OutputDirectory.require(
      options.outputDirectory, outside: [options.captionShards] + options.textShards, replacing: ["tokenizer"])
    captions = try ShardDirectory(options.captionShards)
    texts = try options.textShards.map { try ShardDirectory($0) }
    transform = captions.transform
    try options.settings.validate()
    try options.vision.validate()
    try options.language.validate()
    guard options.patchSize >= 1 && transform.size >= options.patchSize else {
      let name = BackboneSettingList.declared.patchSize.name
      throw CarinaError(
        .usage, "\(setting: name) does not fit the images", expected: "from 1 to \(transform.size)",
        found: "\(options.patchSize)")
    }
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
    var pieces = try BytePairTrainer(vocabularySize: options.vocabularySize).train(on: corpus())
    try AtomicFile.writeDirectory(to: tokenizerDirectory) { try pieces.write(to: $0) }
    let tokenizer = try TokenizerFactory.load(directory: tokenizerDirectory)
    let source = ModelDirectory(path: tokenizerDirectory)
    pieces.reader = .textTower
    try trainVision(tokenizer, pieces, shouldStop) { onStep(.vision, $0, $1) }
    try trainLanguage(tokenizer, source, shouldStop) { onStep(.language, $0, $1) }
  }

  /// Captions, questions and answers, each distinct text once, in the order of the shards.
  private func corpus() -> [String] {
    var seen = Set<ExactText>(), corpus: [String] = []
    for shards in [captions] + texts {
      for index in 0..<shards.sampleCount {
        let sample = shards.sample(index)
        for text in [sample.question, sample.answer] where !text.isEmpty && seen.insert(ExactText(text)).inserted {
          corpus.append(text)
        }
      }
    }
    return corpus
  }

  private func trainVision(
    _ tokenizer: any Tokenizer, _ pieces: TrainedBytePairs, _ shouldStop: @escaping () -> Bool,
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
        try ModelDirectoryWriter.write(model, transform: transform, to: $0, type: .float32)
        try pieces.write(to: $0)
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
    var configuration = options.settings.json
    configuration["data"] = .array(shards)
    configuration["shape"] = shape
    configuration["settings"] = .object(settings.json)
    var run = TrainingRun(
      try Trainer(objective, settings: settings), outputDirectory: "\(options.outputDirectory)/\(part)",
      configuration: .object(configuration),
      modelByteCount: objective.parameters.reduce(0) { $0 + 4 * $1.count }
        + ModelDirectory(path: "\(options.outputDirectory)/tokenizer").tokenizerByteCount,
      writeModel: write)
    run.resume = options.training.resume
    run.shouldStop = shouldStop
    run.onRemark = onRemark
    run.onStep = onStep
    _ = try run.run()
  }
}
