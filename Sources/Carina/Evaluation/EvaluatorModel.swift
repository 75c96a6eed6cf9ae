/// A joined model ready to be asked, with everything besides the pixels that its answers depend on.
public struct EvaluatorModel {
  /// The three parts, joined.
  public let model: VisionLanguageModel
  /// From texts to ids and back.
  public let renderer: PromptRenderer
  /// Ids at which an answer ends.
  public let stopTokens: Set<Int>
  /// How weights are held.
  public let precision: ElementType
  /// What tells this model from another, as names and values; no paths.
  public let identity: [(name: String, value: String)]
  /// Keys of configurations that were not understood, for the log.
  public let remarks: [String]
  private let transform: ImageTransform
  private let transformIsWhole: Bool

  /// Limits on the ids of a question and an answer that replace those of a checkpoint.
  public struct Limits: Sendable {
    /// Nil for the checkpoint's, or for 128 and 512 where parts are named one by one.
    public var question: Int?, answer: Int?

    /// Collects the values.
    public init(question: Int? = nil, answer: Int? = nil) {
      self.question = question
      self.answer = answer
    }
  }

  /// The parts of a model that was not stored as a whole.
  public struct Parts: Sendable {
    /// Paths or Hugging Face ids of the vision encoder and the language model; the projector's directory.
    public var vision: String, language: String, projector: String
    /// How texts are laid out.
    public var promptStyle = PromptStyle.gemma
    /// Which features the projector reads, and whether the first patch is left out.
    public var feature = VisionFeature.postNorm, dropsFirstPatch = false

    /// What cannot be left out.
    public init(vision: String, language: String, projector: String) {
      self.vision = vision
      self.language = language
      self.projector = projector
    }
  }

  /// Loads a checkpoint: the `final_model` or `best_model` of a run.
  /// - Throws: `CarinaError` naming the file at fault.
  public init(checkpoint: String, limits: Limits = Limits(), precision: ElementType) throws {
    let directory = try JoinedModelDirectory(path: checkpoint)
    let loaded = try directory.load(precision: precision)
    let manifest = directory.manifest
    try self.init(
      loaded, tokenizer: directory.tokenizer, style: manifest.promptStyle,
      limits: (limits.question ?? manifest.maximumQuestionTokens, limits.answer ?? manifest.maximumAnswerTokens),
      transform: try manifest.transform(source: checkpoint), transformIsWhole: true, precision: precision)
  }

  /// Loads three parts and joins them.
  /// - Throws: `CarinaError` naming the file or option at fault.
  public init(_ parts: Parts, limits: Limits = Limits(), precision: ElementType) throws {
    let vision = try ModelDirectory.locate(parts.vision, for: "--vision-model")
    let language = try ModelDirectory.locate(parts.language, for: "--llm-path")
    let projector = try ModelDirectory.locate(parts.projector, for: "--projector-path")
    let loaded = LoadedJoinedModel.Parts(
      language: try language.loadDecoder(precision: precision),
      vision: try vision.loadVisionEncoder(precision: precision),
      projector: try projector.loadProjector(precision: precision))
    let model = try VisionLanguageModel(
      vision: loaded.vision.model, projector: loaded.projector.model, decoder: loaded.language.model,
      feature: parts.feature, dropsFirstPatch: parts.dropsFirstPatch)
    try self.init(
      LoadedJoinedModel(model: model, parts: loaded), tokenizer: language, style: parts.promptStyle,
      limits: (limits.question ?? 128, limits.answer ?? 512),
      transform: try ImageTransform.ofCheckpoint(vision.path, defaultSize: model.vision.config.imageSize),
      transformIsWhole: false, precision: precision)
  }

  private init(
    _ loaded: LoadedJoinedModel, tokenizer directory: ModelDirectory, style: PromptStyle,
    limits: (question: Int, answer: Int), transform: ImageTransform, transformIsWhole: Bool, precision: ElementType
  ) throws {
    model = loaded.model
    renderer = try PromptRenderer(
      tokenizer: try TokenizerFactory.load(directory: directory.path), style: style,
      maximumQuestionTokens: limits.question, maximumAnswerTokens: limits.answer)
    guard renderer.tokenizer.vocabularySize <= model.decoder.config.vocabularySize else {
      throw CarinaError(
        .badData, "the tokenizer does not belong to the language model", at: directory.path,
        expected: "at most \(model.decoder.config.vocabularySize) pieces",
        found: "\(renderer.tokenizer.vocabularySize)")
    }
    stopTokens = renderer.stopTokens.union(model.decoder.config.endTokens)
    self.precision = precision
    self.transform = transform
    self.transformIsWhole = transformIsWhole
    let parts = loaded.parts
    let tokenizerFiles = try TokenizerFactory.fileNames.filter(directory.has).map {
      "\($0) \(try SHA256Digest.ofFile(directory.file($0)))"
    }
    identity = [
      ("language-model", parts.language.weights.sampledFingerprint().description),
      ("vision-encoder", parts.vision.weights.sampledFingerprint().description),
      ("projection-layer", parts.projector.weights.sampledFingerprint().description),
      ("tokenizer", String(SHA256Digest.of(tokenizerFiles.joined(separator: "\n")).prefix(16))),
      ("vision-feature", model.feature.rawValue + (model.dropsFirstPatch ? ", without the first patch" : "")),
      ("prompt-style", style.rawValue), ("max-question-tokens", "\(limits.question)"),
      ("max-answer-tokens", "\(limits.answer)"), ("precision", precision.rawValue),
    ]
    remarks =
      parts.vision.unknownKeys.map { "vision config.json: \($0) is not known and not used" }
      + parts.language.unknownKeys.map { "language config.json: \($0) is not known and not used" }
  }

  /// From the stored pixels of a shard directory to this model's numbers. A checkpoint knows how its pixels were made and refuses
  /// others; parts know only a size and a normalisation.
  /// - Throws: `CarinaError.badData` naming what differs.
  public func transform(for shards: ShardDirectory) throws -> ImageTransform {
    if transformIsWhole {
      try transform.requireSamePixels(as: shards.transform, at: shards.path)
      return transform
    }
    return try shards.transform.withNormalization(of: transform, at: shards.path)
  }

  /// Projected rows of images, [images · rowsPerImage, D], from their normalised pixels, [images, channels · size · size].
  func imageRows(_ pixels: Tensor) -> Tensor {
    model.projector(model.features(pixels, count: pixels.rows, tape: nil), tape: nil)
  }
}
