import CarinaModel
import CarinaRuntime
import CarinaTensor

/// Makes plain weights of a model with adapters.
public enum AdapterMerge {
  /// Adds every adapter to the weight of its map, W + Σ scale · B A, in fp32, and takes it away.
  package static func merge(_ model: VisionLanguageModel) {
    for part in AdaptedPart.allCases {
      for map in part.maps(of: model) where !map.adapters.isEmpty {
        let sum = map.weight.value.converted(to: .float32).copied()
        for adapter in map.adapters.adapters { sum.backend.add(sum, adapter.product, into: sum) }
        map.weight.assign(sum)
        map.adapters.removeAll()
      }
    }
  }

  /// How the matrices of a decoder are stored: bfloat16 where one of them is.
  /// - Parameters:
  ///   - checkpoint: a joined model, in whose place the decoder may be named.
  /// - Throws: `CarinaError.missingInput`, `.badData`.
  public static func storedType(checkpoint: String?, languageModel: String?) throws -> ElementType {
    let directory: ModelDirectory
    if let checkpoint {
      directory = try CheckpointParts(checkpoint).parts.language
    } else {
      directory = try ModelDirectory.locate(languageModel ?? "", for: .languageModelPath)
    }
    let entries = try directory.weights().files.flatMap(\.entries)
    return entries.contains { $0.shape.count == 2 && $0.element == .bfloat16 } ? .bfloat16 : .float32
  }

  /// Merges the adapters of a model and writes the directory of a joined model without them.
  /// - Parameter type: how weights are stored.
  /// - Throws: `CarinaError.usage` for a model without adapters, or one whose kind cannot be written; `.cannotWrite`.
  public static func write(_ answering: AnsweringModel, type: ElementType, to path: String) throws {
    let pipeline = answering.pipeline, renderer = answering.renderer
    guard !pipeline.adapters.isEmpty else {
      throw CarinaError(
        .usage, "there is no adapter to merge", at: pipeline.language.directory.path,
        remedy: "Name one with \(setting: AdapterChoice.setting), or a final_model that has one.")
    }
    try OutputDirectory.require(path, outside: pipeline.directories)
    let description = JoinedModelWriter.Description(
      promptStyle: renderer.style, maximumQuestionTokens: renderer.maximumQuestionTokens,
      maximumAnswerTokens: renderer.maximumAnswerTokens, transform: answering.transform, system: renderer.system,
      training: ["merged_adapters": .array(pipeline.adapters.map { .string($0.bundle.sampledFingerprint) })])
    let touched = AdaptedPart.allCases.filter { part in pipeline.adapters.contains { $0.bundle.touches(part) } }
    let changed = Set(pipeline.adapters.flatMap { $0.bundle.files.flatMap(\.changedWeights) })
    let tiedBefore = try !pipeline.language.directory.decoderConfig().config.hasOwnHead
    let hasNewHead = tiedBefore && pipeline.model.decoder.config.hasOwnHead
    merge(pipeline.model)
    if pipeline.isOneDirectory {
      return try JoinedRunOutput(
        pipeline: pipeline, policy: FreezingPolicy(trainsProjector: false, trainsDecoder: false),
        description: description, changed: changed.union(hasNewHead ? [TensorFormat.headName] : [])
      ).write(to: path)
    }
    func storage(_ part: AdaptedPart, _ directory: ModelDirectory) -> JoinedModelWriter.Storage {
      touched.contains(part) ? .copy : .reference(directory)
    }
    try JoinedModelWriter.write(
      pipeline.model, languageModel: storage(.languageModel, pipeline.language.directory),
      visionEncoder: storage(.visionEncoder, pipeline.vision.directory), tokenizer: pipeline.tokenizer,
      description: description, type: type, to: path)
  }
}
