import CarinaData
import CarinaModel
import CarinaRuntime
import CarinaText
import Foundation

/// A model as the programs take it with one name, found before any weight is read: the `final_model` or `best_model` of a
/// training run, or a joined model of transformers by its directory or its id in the Hugging Face cache on disk.
public struct CheckpointParts {
  /// What the user called it.
  public let reference: String
  /// The parts, to be joined.
  package let parts: PipelineParts
  /// What a training run wrote down of the model; nil for models that others made.
  package let manifest: CarinaManifest?
  /// The adapter that belongs to it; nil for a model without one.
  package let adapter: AdapterBundle?

  /// Finds it.
  /// - Throws: `CarinaError.missingInput` when it or one of its parts is not there, `.badData` when it is no joined model,
  ///   its files do not hold together, or a part is not the one that the model was made with.
  public init(
    _ reference: String, environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws {
    self.reference = reference
    if let foreign = try ModelDirectory.foreignCheckpoint(reference, environment: environment) {
      parts = try PipelineParts(joined: foreign)
      manifest = nil
      adapter = nil
    } else {
      let directory = try JoinedModelDirectory(path: reference, environment: environment)
      parts = try directory.parts
      manifest = directory.manifest
      adapter = directory.adapter
    }
  }

  /// Refuses a model with an adapter, where its own weights alone are taken.
  /// - Throws: `CarinaError.usage`.
  func requirePlain() throws {
    guard let adapter else { return }
    throw CarinaError(
      .usage, "this model is a base with an adapter, whose weights are not merged", at: reference,
      expected: "a model with its own weights", found: adapter.path,
      remedy: "Merge the adapter first: infer merge.")
  }

  /// How question, image and answer are laid out: as the run wrote down, or Gemma 3's own layout; of a LLaVA that of its
  /// chat template where Carina has it, else gemma's.
  public var promptStyle: PromptStyle {
    if let manifest { return manifest.promptStyle }
    return parts.language.joinedKind == .llava ? parts.tokenizer.llavaPromptStyle : .gemma3
  }
  /// The text before the first question that the model was trained with.
  public var system: String? { manifest?.system }

  /// From image files to pixels.
  /// - Parameter defaultSize: the size where no file names one.
  /// - Throws: `CarinaError.badData` for settings that are not understood.
  package func transform(defaultSize: Int) throws -> PipelineTransform {
    guard let manifest else { return try parts.ownTransform(defaultSize: defaultSize) }
    return PipelineTransform(
      try manifest.transform(source: "\(reference)/\(CarinaManifest.fileName)"), knowsPixels: true)
  }
}
