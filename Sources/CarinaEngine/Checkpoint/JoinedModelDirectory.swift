import CarinaModel
import CarinaRuntime
import CarinaTensor
import Foundation

/// A joined model on disk, as `final_model/` and `best_model/` hold it: `language_model/`, `vision_encoder/`,
/// `projection_layer/` (or references to frozen parts), the tokenizer's files, and `carina.json`.
public struct JoinedModelDirectory {
  /// Names of the parts' directories.
  static let languageModelName = "language_model", visionEncoderName = "vision_encoder"
  static let projectorName = "projection_layer", adapterName = "adapter"

  /// Where it is.
  package let path: String
  /// What answers depend on besides the weights.
  public let manifest: CarinaManifest
  /// Where the three parts are.
  public let languageModel: ModelDirectory, visionEncoder: ModelDirectory, projector: ModelDirectory
  /// The directory with the tokenizer's files.
  public let tokenizer: ModelDirectory
  /// The adapter that belongs to it; nil for a model without one.
  package let adapter: AdapterBundle?

  /// Finds the parts and checks quickly that they are the ones the manifest names.
  /// - Throws: `CarinaError.missingInput` when a part or the manifest is not there, `.badData` when a part is not the
  ///   one that the model was made with.
  public init(
    path: String, environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws {
    guard FileManager.default.fileExists(atPath: path) else {
      throw CarinaError(.missingInput, "there is no such directory", at: path, expected: "a joined model")
    }
    let manifestPath = "\(path)/\(CarinaManifest.fileName)"
    guard FileManager.default.fileExists(atPath: manifestPath) else {
      let inner = ["final_model", "best_model"].filter {
        FileManager.default.fileExists(atPath: "\(path)/\($0)/\(CarinaManifest.fileName)")
      }
      throw CarinaError(
        .missingInput, "there is no \(CarinaManifest.fileName)", at: path,
        expected: "the final_model of a training run",
        remedy: inner.isEmpty
          ? "Name such a directory, or the parts: \(setting: .visionModel), \(setting: .languageModelPath) and \(setting: .projectorPath)."
          : "This is the directory of a run; name \(inner.map { "\(path)/\($0)" }.joined(separator: " or ")).")
    }
    self.path = path
    manifest = try CarinaManifest(path: manifestPath)
    adapter = try manifest.adapter.map { try JoinedModelDirectory.adapter($0, in: path) }
    let resolver = PartResolver(root: path, environment: environment)
    guard manifest.layout == .parts else {
      let whole = ModelDirectory(path: path)
      try resolver.recognise(manifest.languageModel, at: whole)
      (languageModel, visionEncoder, projector, tokenizer) = (whole, whole, whole, whole)
      return
    }
    languageModel = try resolver.find(manifest.languageModel, name: Self.languageModelName)
    visionEncoder = try resolver.find(manifest.visionEncoder, name: Self.visionEncoderName)
    projector = try resolver.find(manifest.projector, name: Self.projectorName)
    let root = ModelDirectory(path: path)
    let hasOwn = ["tokenizer.json", "tokenizer.model", "spiece.model"].contains { root.has($0) }
    tokenizer = hasOwn ? root : languageModel
  }

  private static func adapter(_ expected: WeightsIdentity, in path: String) throws -> AdapterBundle {
    let bundle = try AdapterBundle("\(path)/\(adapterName)"), found = bundle.sampledFingerprint
    guard found == expected.sampled else {
      throw CarinaError(
        .badData, "this is not the adapter that the joined model was made with", at: bundle.path,
        expected: "fingerprint \(expected.sampled)", found: found, remedy: "Put the original files back.")
    }
    return bundle
  }

  /// The parts, to be joined.
  /// - Throws: as `PipelineParts.init(joined:)` where they are one directory.
  var parts: PipelineParts {
    get throws {
      manifest.layout == .parts ? apart : try PipelineParts(joined: languageModel)
    }
  }

  private var apart: PipelineParts {
    PipelineParts(
      language: languageModel, vision: visionEncoder, tokenizer: tokenizer, projector: .directory(projector),
      feature: manifest.feature, dropsFirstPatch: manifest.dropsFirstPatch)
  }

  /// Reads the three parts and joins them.
  /// - Throws: `CarinaError.missingInput`, `.badData`.
  public func load(precision: ElementType, on device: Device) throws -> JoinedPipeline {
    let attached = try AdapterChoice().open(for: parts, own: adapter)
    var pipeline = try parts.join(precision: precision, on: device.backend)
    try pipeline.attach(attached)
    return pipeline
  }
}

/// Finds the parts of a joined model and recognises them.
private struct PartResolver {
  let root: String
  let environment: [String: String]

  func find(_ part: CarinaManifest.Part, name: String) throws -> ModelDirectory {
    let own = ModelDirectory(path: "\(root)/\(name)")
    guard let reference = part.reference else {
      guard FileManager.default.fileExists(atPath: own.path) else {
        throw CarinaError(
          .missingInput, "the joined model has no \(name)", at: root, expected: own.path,
          remedy: "Copy the whole directory.")
      }
      try recognise(part, at: own)
      return own
    }
    let candidates = [
      ModelDirectory(path: "\(root)/\(reference.relativePath)", reference: reference.name),
      ModelDirectory(path: reference.path, reference: reference.name),
    ]
    var mismatch: CarinaError?
    for candidate in candidates where FileManager.default.fileExists(atPath: candidate.path) {
      do {
        try recognise(part, at: candidate)
        return candidate
      } catch let error as CarinaError {
        mismatch = mismatch ?? error
      }
    }
    // Last, as it may have to be fetched.
    do {
      let cached = try ModelDirectory.locate(reference.name, for: SettingName(name), environment: environment)
      do {
        try recognise(part, at: cached)
        return cached
      } catch let error as CarinaError {
        mismatch = mismatch ?? error
      }
    } catch {
      if ModelFetcher.current != nil, HuggingFaceReference(reference.name) != nil { throw mismatch ?? error }
    }
    throw mismatch
      ?? CarinaError(
        .missingInput, "the \(name) that the joined model refers to is not there", at: root,
        expected: candidates.map(\.path).joined(separator: " or "),
        remedy:
          "Put \(reference.name) back in its place, or name the parts: \(setting: .visionModel), \(setting: .languageModelPath) and "
          + "\(setting: .projectorPath).")
  }

  func recognise(_ part: CarinaManifest.Part, at directory: ModelDirectory) throws {
    let found = try directory.weights().sampledFingerprint().description
    guard found == part.identity.sampled else {
      throw CarinaError(
        .badData, "these are not the weights that the joined model was made with", at: directory.path,
        expected: "fingerprint \(part.identity.sampled)", found: found,
        remedy:
          "Put the original files back, or name the parts yourself: \(setting: .visionModel), \(setting: .languageModelPath) and "
          + "\(setting: .projectorPath).")
    }
  }
}
