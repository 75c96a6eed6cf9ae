import CarinaData
import CarinaModel
import CarinaRuntime
import CarinaTensor
import CarinaText
import Foundation

/// A joined model that is ready to answer: weights, layout of the prompt, image transform, and where answers end.
public struct AnsweringModel {
  /// From questions to ids.
  public let renderer: PromptRenderer
  /// From image files to pixels, and how much of that the model knows itself.
  package private(set) var images: PipelineTransform
  /// Ids at which an answer ends: those of the prompt's layout, of the configuration and of `generation_config.json`.
  public let stopTokens: Set<Int>
  /// What was assumed of the images where the model has no settings of them, for the header of a run.
  public var imageAssumption: String? { images.assumption }
  /// Wall seconds that the loading took.
  public let loadSeconds: Double
  /// The parts, joined.
  package let pipeline: JoinedPipeline
  /// What computes with it.
  public let device: Device
  /// How much memory answering will take; nil where nobody said what will be asked.
  public let forecast: MemoryForecast?

  /// From image files to pixels.
  public var transform: ImageTransform { images.transform }
  /// The joined model.
  public var model: VisionLanguageModel { pipeline.model }
  /// The type of the weights in products.
  public var precision: ElementType { pipeline.precision }
  /// Keys of the parts' configurations that were not read, `FILE: KEY`, for the log.
  public var unknownKeys: [String] { pipeline.unknownKeys }
  /// What else there is to say of the reading of the parts, for the log: a short line each.
  public var remarks: [String] { pipeline.remarks }

  /// Which adapters stand on which base, a line each for the header of a run.
  public var adapterLines: [String] {
    pipeline.adapters.map { adapter in
      "\(adapter.bundle.reference) (\(adapter.bundle.summary)) on \(pipeline.language.directory.reference): "
        + adapter.agreement
    }
  }

  /// How many ids a question may have in models named by their parts.
  public static let defaultQuestionTokens = 512

  /// Loads `final_model/` or `best_model/` of a training run, or a joined model of transformers by its directory or
  /// its id, which answers in the style of `CheckpointParts.promptStyle`.
  /// - Parameters:
  ///   - maximumQuestionTokens: instead of the limit that the model was trained with.
  ///   - system: instead of the system text that the model was trained with.
  ///   - adapters: what stands beside the weights, besides an adapter that belongs to the checkpoint.
  ///   - demand: what it will be asked; where that does not fit into the memory, no weight is read.
  /// - Throws: `CarinaError.missingInput`, `.badData`, `.usage`.
  public static func load(
    checkpoint: String, precision: ElementType, maximumQuestionTokens: Int? = nil, system: String? = nil,
    adapters: AdapterChoice = AdapterChoice(), for demand: AnswerDemand? = nil, on device: Device
  ) throws -> AnsweringModel {
    let started = ProcessInfo.processInfo.systemUptime
    let found = try CheckpointParts(checkpoint)
    return try AnsweringModel(
      found.parts, try adapters.open(for: found.parts, own: found.adapter), style: found.promptStyle,
      system: system ?? found.system,
      maximumQuestionTokens: maximumQuestionTokens ?? found.manifest?.maximumQuestionTokens ?? defaultQuestionTokens,
      maximumAnswerTokens: found.manifest?.maximumAnswerTokens ?? PromptSettings().maximumAnswerTokens,
      precision: precision, started: started, for: demand, on: device
    ) { try found.transform(defaultSize: $0.imageSize) }
  }

  /// Loads a model from its parts, with adapters beside their weights; the transform is that of the vision model's own
  /// image settings.
  /// - Parameter demand: what it will be asked; where that does not fit into the memory, no weight is read.
  /// - Throws: `CarinaError.missingInput`, `.badData`, `.usage`.
  public static func load(
    _ parts: ModelParts, precision: ElementType, maximumQuestionTokens: Int = defaultQuestionTokens,
    adapters: AdapterChoice = AdapterChoice(), for demand: AnswerDemand? = nil, on device: Device
  ) throws -> AnsweringModel {
    let started = ProcessInfo.processInfo.systemUptime
    let found = try PipelineParts(
      languageModel: parts.languageModel, languageSetting: .languageModelPath, visionModel: parts.visionModel,
      projector: parts.projector, feature: parts.feature, dropsFirstPatch: parts.dropsFirstPatch)
    return try AnsweringModel(
      found, try adapters.open(for: found), style: parts.promptStyle, system: parts.system,
      maximumQuestionTokens: maximumQuestionTokens,
      maximumAnswerTokens: PromptSettings().maximumAnswerTokens, precision: precision, started: started, for: demand,
      on: device
    ) { try found.ownTransform(defaultSize: $0.imageSize) }
  }

  /// The same model with another policy for images of more than 8 bits.
  /// - Throws: `CarinaError.usage`.
  public func with(window: PixelPolicy?) throws -> AnsweringModel {
    var model = self
    model.images.transform = try transform.with(window: window)
    return model
  }

  /// The same model with another choice among the frames of a file with several.
  /// - Throws: `CarinaError.usage`.
  public func with(frame: FrameChoice?) throws -> AnsweringModel {
    var model = self
    model.images.transform = try transform.with(frame: frame)
    return model
  }

  /// Rounds the decoder's matrices to 8 bits, or maps those that were rounded before.
  /// - Parameter path: a file that keeps them, made where it is absent, damaged or of other weights; nil rounds them in
  ///   memory.
  /// - Returns: what there is to say of the file, for the log.
  /// - Throws: `CarinaError.usage` for a directory or a file among the model's, `.cannotWrite`.
  public func quantizeWeights(keptIn path: String?) throws -> String? {
    guard let path else {
      model.decoder.quantizeWeights()
      return nil
    }
    try OutputDirectory.require(path, outside: pipeline.directories)
    let file = QuantizedWeightsFile(path, weights: pipeline.language.weights.sampledFingerprint().description)
    switch try file.use(for: model.decoder.quantizableWeights) {
    case .mapped: return nil
    case .written(let reason):
      return "the matrices were rounded to 8 bits and written to \(path)"
        + (reason.map { "; what was there could not be used: \($0)" } ?? "")
    }
  }

  /// Rounds the vision encoder's matrices to 8 bits, and multiplies them in sums of bytes from then on.
  public func multiplyVisionInBytes() { model.vision.multiplyInBytes() }

  /// Opens a file in which the vision features of images are kept, or makes it.
  /// - Throws: `CarinaError.badData` when it holds features of another encoder, transform or precision, `.usage`,
  ///   `.cannotWrite`.
  public func featureCache(_ path: String) throws -> FeatureCache {
    try OutputDirectory.require(path, outside: pipeline.directories)
    return try pipeline.featureCache(path, transform: transform, imageCount: 0)
  }

  private init(
    _ parts: PipelineParts, _ adapters: [AttachedAdapter], style: PromptStyle, system: String?,
    maximumQuestionTokens: Int,
    maximumAnswerTokens: Int, precision: ElementType, started: Double, for demand: AnswerDemand?, on device: Device,
    images: (VisionConfig) throws -> PipelineTransform
  ) throws {
    self.device = device
    let vision = try parts.vision.visionConfig()
    self.images = try images(vision)
    try self.images.require(vision, at: parts.vision.path)
    let renderer = try parts.renderer(
      style: style, maximumQuestionTokens: maximumQuestionTokens, maximumAnswerTokens: maximumAnswerTokens,
      system: system)
    forecast = try demand.map {
      try MemoryForecast(
        $0, parts, adapters: adapters, renderer: renderer, precision: precision, on: device.backend)
    }
    var joined = try parts.join(precision: precision, on: device.backend)
    try joined.attach(adapters)
    pipeline = joined
    self.renderer = renderer
    let decoder = pipeline.model.decoder
    if forecast?.packsFrozen ?? true { decoder.packWhenFrozen() } else { pipeline.model.vision.leaveUnpacked() }
    stopTokens = renderer.stopTokens.union(decoder.config.endTokens)
    loadSeconds = ProcessInfo.processInfo.systemUptime - started
  }
}
