import CarinaData
import CarinaModel
import CarinaRuntime
import CarinaTensor
import CarinaText
import Foundation

/// A joined model that is ready to answer: weights, layout of the prompt, image transform, and where answers end.
public struct AnsweringModel {
  /// The three parts, joined.
  public let model: VisionLanguageModel
  /// From questions to ids.
  public let renderer: PromptRenderer
  /// From image files to pixels.
  public private(set) var transform: ImageTransform
  /// Whether the transform says how the pixels were made that the model was trained on; that of parts knows size and normalisation only.
  package let knowsPixels: Bool
  /// Ids at which an answer ends: those of the prompt's layout, of the configuration and of `generation_config.json`.
  public let stopTokens: Set<Int>
  /// The type of the weights in products.
  public let precision: ElementType
  /// Wall seconds that the loading took.
  public let loadSeconds: Double
  /// Where the parts came from, and the directory of the tokenizer's files.
  package let parts: LoadedJoinedModel.Parts, tokenizer: ModelDirectory

  /// Keys of the parts' configurations that were not read, `FILE: KEY`, for the log.
  public var unknownKeys: [String] {
    func unknown(_ directory: ModelDirectory, _ keys: [String]) -> [String] {
      keys.map { "\(directory.file("config.json")): \($0)" }
    }
    return unknown(parts.language.directory, parts.language.unknownKeys)
      + unknown(parts.vision.directory, parts.vision.unknownKeys)
  }

  /// How many ids a question may have in models named by their parts.
  public static let defaultQuestionTokens = 512

  /// Loads `final_model/` or `best_model/` of a training run.
  /// - Parameter maximumQuestionTokens: instead of the limit that the model was trained with.
  /// - Throws: `CarinaError.missingInput`, `.badData`, `.usage`.
  public static func load(
    checkpoint: String, precision: ElementType, maximumQuestionTokens: Int? = nil, on device: Device
  ) throws -> AnsweringModel {
    let started = ProcessInfo.processInfo.systemUptime
    let directory = try JoinedModelDirectory(path: checkpoint)
    let loaded = try directory.load(precision: precision, on: device)
    let manifest = directory.manifest
    return try AnsweringModel(
      loaded, tokenizer: directory.tokenizer, style: manifest.promptStyle,
      maximumQuestionTokens: maximumQuestionTokens ?? manifest.maximumQuestionTokens,
      maximumAnswerTokens: manifest.maximumAnswerTokens,
      transform: manifest.transform(source: "\(checkpoint)/\(CarinaManifest.fileName)"), knowsPixels: true,
      precision: precision, started: started)
  }

  /// Loads a model from its parts; the transform is that of the vision model's `preprocessor_config.json`.
  /// - Throws: `CarinaError.missingInput`, `.badData`, `.usage`.
  public static func load(
    _ parts: ModelParts, precision: ElementType, maximumQuestionTokens: Int = defaultQuestionTokens, on device: Device
  ) throws -> AnsweringModel {
    let started = ProcessInfo.processInfo.systemUptime
    let language = try ModelDirectory.locate(parts.languageModel, for: "--llm-path")
    let visionDirectory = try ModelDirectory.locate(parts.visionModel, for: "--vision-model")
    let projector = try ModelDirectory.projector(parts.projector)
    let loadedParts = LoadedJoinedModel.Parts(
      language: try language.loadDecoder(precision: precision, on: device.backend),
      vision: try visionDirectory.loadVisionEncoder(precision: precision, on: device.backend),
      projector: try projector.loadProjector(precision: precision, on: device.backend))
    let model = try VisionLanguageModel(
      vision: loadedParts.vision.model, projector: loadedParts.projector.model, decoder: loadedParts.language.model,
      feature: parts.feature, dropsFirstPatch: parts.dropsFirstPatch)
    return try AnsweringModel(
      LoadedJoinedModel(model: model, parts: loadedParts), tokenizer: language, style: parts.promptStyle,
      maximumQuestionTokens: maximumQuestionTokens, maximumAnswerTokens: defaultQuestionTokens,
      transform: .ofCheckpoint(visionDirectory.path, defaultSize: model.vision.config.imageSize), knowsPixels: false,
      precision: precision, started: started)
  }

  /// What computes with it.
  public var device: Device { Device(model.backend) }

  /// The same model with another policy for images of more than 8 bits.
  /// - Throws: `CarinaError.usage`.
  public func with(window: PixelPolicy?) throws -> AnsweringModel {
    var model = self
    model.transform = try transform.with(window: window)
    return model
  }

  private init(
    _ loaded: LoadedJoinedModel, tokenizer: ModelDirectory, style: PromptStyle, maximumQuestionTokens: Int,
    maximumAnswerTokens: Int, transform: ImageTransform, knowsPixels: Bool, precision: ElementType, started: Double
  ) throws {
    let vision = loaded.model.vision.config
    guard transform.size == vision.imageSize, vision.channelCount == 3 else {
      throw CarinaError(
        .badData, "the image transform does not fit the vision encoder", at: loaded.parts.vision.directory.path,
        expected: "3 channels of \(vision.imageSize) pixels a side in both",
        found: "\(vision.channelCount) channels, and a transform to \(transform.size) pixels")
    }
    renderer = try PromptRenderer(
      tokenizer: TokenizerFactory.load(directory: tokenizer.path), style: style,
      maximumQuestionTokens: maximumQuestionTokens, maximumAnswerTokens: maximumAnswerTokens)
    model = loaded.model
    model.decoder.packWhenFrozen()
    stopTokens = renderer.stopTokens.union(model.decoder.config.endTokens)
    parts = loaded.parts
    self.tokenizer = tokenizer
    self.transform = transform
    self.knowsPixels = knowsPixels
    self.precision = precision
    loadSeconds = ProcessInfo.processInfo.systemUptime - started
  }
}
