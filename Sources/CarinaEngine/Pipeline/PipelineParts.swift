import CarinaData
import CarinaModel
import CarinaRuntime
import CarinaTensor
import CarinaText

/// The parts of a model, found on disk, before any weight is read: what training, evaluation and `infer` open alike.
///
///     let parts = try PipelineParts(languageModel: "models/gemma", languageSetting: .languageModelPath, visionModel: …)
///     let pipeline = try parts.join(precision: .bfloat16, on: backend)
package struct PipelineParts {
  /// Where the projector comes from.
  package enum ProjectorOrigin {
    /// A trained one.
    case directory(ModelDirectory)
    /// A fresh one.
    case fresh(ProjectorSettings, seed: UInt64)
  }

  /// Directories of the decoder, of the vision encoder, and of the tokenizer's files.
  package let language: ModelDirectory, vision: ModelDirectory, tokenizer: ModelDirectory
  /// The projector.
  package let projector: ProjectorOrigin
  /// What the projector reads, and whether without the first patch.
  package let feature: VisionFeature, dropsFirstPatch: Bool

  /// Collects parts that were found.
  package init(
    language: ModelDirectory, vision: ModelDirectory, tokenizer: ModelDirectory, projector: ProjectorOrigin,
    feature: VisionFeature, dropsFirstPatch: Bool
  ) {
    self.language = language
    self.vision = vision
    self.tokenizer = tokenizer
    self.projector = projector
    self.feature = feature
    self.dropsFirstPatch = dropsFirstPatch
  }

  /// Finds parts by path or id; the tokenizer is the decoder's.
  /// - Parameters:
  ///   - languageSetting: what the user named the decoder with, for errors.
  ///   - projector: a directory that holds one; nil for a fresh one.
  /// - Throws: `CarinaError.missingInput` naming the part that is not there.
  package init(
    languageModel: String, languageSetting: SettingName, visionModel: String, projector: String?,
    freshProjector: (settings: ProjectorSettings, seed: UInt64) = (ProjectorSettings(), 0), feature: VisionFeature,
    dropsFirstPatch: Bool
  ) throws {
    vision = try ModelDirectory.locate(visionModel, for: .visionModel)
    language = try ModelDirectory.locate(languageModel, for: languageSetting)
    tokenizer = language
    self.projector =
      try projector.map { .directory(try ModelDirectory.projector($0)) }
      ?? .fresh(freshProjector.settings, seed: freshProjector.seed)
    self.feature = feature
    self.dropsFirstPatch = dropsFirstPatch
  }

  /// The parts of a joined model of transformers, which lie in one directory.
  /// - Throws: `CarinaError.badData` when it is another model; what `JoinedModelCheck` throws.
  package init(joined directory: ModelDirectory) throws {
    guard let kind = directory.joinedKind else {
      let type = try directory.configuration()["model_type"]?.string
      throw CarinaError(
        .badData, "is no joined model", at: directory.path, expected: JoinedModelKind.words,
        found: type.map { "a model of the type \($0)" },
        remedy:
          "Name a model with all three parts, or the parts: \(setting: .visionModel), \(setting: .languageModelPath) and \(setting: .projectorPath)."
      )
    }
    let dropsFirstPatch = try JoinedModelCheck.require(directory, kind)
    self.init(
      language: directory, vision: directory, tokenizer: directory, projector: .directory(directory),
      feature: kind == .gemma3 ? .postNorm : .preNorm, dropsFirstPatch: dropsFirstPatch)
  }

  /// Whether all of them are one joined model of transformers.
  package var isOneDirectory: Bool {
    guard case .directory(let projector) = projector else { return false }
    return language == vision && language == projector && language.isJoined
  }

  /// The same parts, with other features for the projector.
  func with(_ features: FeatureSettings) -> PipelineParts {
    PipelineParts(
      language: language, vision: vision, tokenizer: tokenizer, projector: projector, feature: features.feature,
      dropsFirstPatch: features.dropsFirstPatch)
  }

  /// Every directory that is read.
  var directories: [String] {
    let own: [ModelDirectory] = if case .directory(let projector) = projector { [projector] } else { [] }
    return ([language, vision, tokenizer] + own).map(\.path)
  }

  /// The transform that the vision encoder's own image settings describe: a size, a filter and a normalisation.
  /// - Throws: `CarinaError.badData` for a file that is not understood.
  func ownTransform(defaultSize: Int) throws -> PipelineTransform {
    let settings = try vision.imageSettings(defaultSize: defaultSize)
    return PipelineTransform(settings.transform, knowsPixels: false, assumption: settings.assumption)
  }

  /// Question, image and answer in a style, as ids of these parts' tokenizer.
  /// - Throws: `CarinaError.missingInput`, `.badData` for the tokenizer; `.usage` for a style that it does not cover.
  package func renderer(
    style: PromptStyle, maximumQuestionTokens: Int, maximumAnswerTokens: Int, system: String? = nil
  ) throws -> PromptRenderer {
    try PromptRenderer(
      tokenizer: TokenizerFactory.load(directory: tokenizer.path), style: style,
      maximumQuestionTokens: maximumQuestionTokens, maximumAnswerTokens: maximumAnswerTokens, system: system)
  }

  /// The projector's sizes: its own, or what a fresh one needs between the other two.
  /// - Throws: as `ModelDirectory.projectorConfig`, and as `ProjectorConfig.init(fresh:vision:decoder:)`.
  func projectorConfig(vision: VisionConfig, decoder: DecoderConfig) throws -> ProjectorConfig {
    switch projector {
    case .directory(let directory):
      let config = try directory.projectorConfig()
      // Before anything is counted by its rows.
      try config.requireGrid(of: vision, dropsFirstPatch: dropsFirstPatch)
      return config
    case .fresh(let settings, _): return try ProjectorConfig(fresh: settings, vision: vision, decoder: decoder)
    }
  }

  /// Rows that an image takes in a sequence.
  /// - Throws: as `projectorConfig`.
  func rowsPerImage(dropsFirstPatch: Bool) throws -> Int {
    let vision = try vision.visionConfig()
    let projector = try projectorConfig(vision: vision, decoder: try language.decoderConfig().config)
    return projector.rowCount(features: vision.patchCount - (dropsFirstPatch ? 1 : 0))
  }

  /// Refuses a projector on disk that is not what settings ask for.
  /// - Throws: as `ProjectorConfig.require`, and as `ModelDirectory.projectorConfig`.
  func requireProjector(_ settings: ProjectorSettings) throws {
    guard case .directory(let directory) = projector, settings != ProjectorSettings() else { return }
    try directory.projectorConfig().require(settings, at: directory.path)
  }

  /// What the projector's weights will take.
  /// - Throws: as `ModelDirectory.projectorFootprint`.
  func projectorFootprint(_ config: ProjectorConfig, precision: ElementType) throws -> WeightsFootprint {
    switch projector {
    case .directory(let directory): try directory.projectorFootprint(precision: precision)
    case .fresh: WeightsFootprint(fresh: TensorTable(of: config), precision: precision)
    }
  }

  /// Reads the weights, and joins the parts where their widths agree.
  /// - Throws: `CarinaError.missingInput`, `.badData` with everything that does not fit a part's configuration, or
  ///   naming the two parts that do not fit each other.
  package func join(precision: ElementType, on backend: any Backend) throws -> JoinedPipeline {
    // What cannot be pooled is known before a weight is read.
    if case .directory(let directory) = projector, directory.isJoined { _ = try directory.projectorConfig() }
    let vision = try vision.loadVisionEncoder(precision: precision, on: backend)
    let language = try language.loadDecoder(precision: precision, on: backend)
    let trained: LoadedPart<Projector>?, projector: Projector
    switch self.projector {
    case .directory(let directory):
      let part = try directory.loadProjector(precision: precision, on: backend)
      (trained, projector) = (part, part.model)
    case .fresh(_, let seed):
      let config = try projectorConfig(vision: vision.model.config, decoder: language.model.config)
      (trained, projector) = (
        nil, Projector(config, from: RandomParameterSource(seed: seed, precision: precision, on: backend))
      )
    }
    // Memory that others took while weights were read.
    try backend.throwFailure()
    return JoinedPipeline(
      model: try VisionLanguageModel(
        vision: vision.model, projector: projector, decoder: language.model, feature: feature,
        dropsFirstPatch: dropsFirstPatch),
      language: language, vision: vision, projector: trained, tokenizer: tokenizer, precision: precision)
  }

  /// Which maps get adapters; nil where none are asked for.
  /// - Throws: as `LoraPlan.init`.
  package func loraPlan(_ settings: SettingValues<LoraSettingList>) throws -> LoraPlan? {
    guard settings.rank != nil else { return nil }
    let vision = try vision.visionConfig(), decoder = try language.decoderConfig().config
    return try LoraPlan(
      settings, decoder: decoder, vision: vision, projector: projectorConfig(vision: vision, decoder: decoder))
  }
}
