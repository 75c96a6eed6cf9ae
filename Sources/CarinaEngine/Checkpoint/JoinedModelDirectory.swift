import CarinaModel
import CarinaRuntime
import CarinaTensor
import Foundation

/// A joined model on disk, as `final_model/` and `best_model/` hold it: `language_model/`, `vision_encoder/`,
/// `projection_layer/` (or references to frozen parts), the tokenizer's files, and `carina.json`.
public struct JoinedModelDirectory {
  /// Names of the parts' directories.
  static let languageModelName = "language_model", visionEncoderName = "vision_encoder"
  static let projectorName = "projection_layer"

  /// Where it is.
  package let path: String
  /// What answers depend on besides the weights.
  public let manifest: CarinaManifest
  /// Where the three parts are.
  public let languageModel: ModelDirectory, visionEncoder: ModelDirectory, projector: ModelDirectory
  /// The directory with the tokenizer's files.
  public let tokenizer: ModelDirectory

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
          ? "Name such a directory, or the parts: --vision-model, --llm-path and --projector-path."
          : "This is the directory of a run; name \(inner.map { "\(path)/\($0)" }.joined(separator: " or ")).")
    }
    self.path = path
    manifest = try CarinaManifest(path: manifestPath)
    let resolver = PartResolver(root: path, environment: environment)
    languageModel = try resolver.find(manifest.languageModel, name: Self.languageModelName)
    visionEncoder = try resolver.find(manifest.visionEncoder, name: Self.visionEncoderName)
    projector = try resolver.find(manifest.projector, name: Self.projectorName)
    let root = ModelDirectory(path: path)
    let hasOwn = ["tokenizer.json", "tokenizer.model", "spiece.model"].contains { root.has($0) }
    tokenizer = hasOwn ? root : languageModel
  }

  /// Hashes every byte of all parts and compares with the manifest; some seconds for a model of a billion weights.
  /// - Throws: `CarinaError.badData` naming the part that differs.
  package func verify() throws {
    for (part, directory) in [
      (manifest.languageModel, languageModel), (manifest.visionEncoder, visionEncoder), (manifest.projector, projector),
    ] {
      let found = try directory.weights().contentHash()
      guard found == part.identity.sha256 else {
        throw CarinaError(
          .badData, "these are not the weights that \(CarinaManifest.fileName) names", at: directory.path,
          expected: part.identity.sha256, found: found)
      }
    }
  }

  /// Reads the three parts and joins them.
  /// - Throws: `CarinaError.missingInput`, `.badData`.
  public func load(precision: ElementType, on device: Device) throws -> LoadedJoinedModel {
    let parts = LoadedJoinedModel.Parts(
      language: try languageModel.loadDecoder(precision: precision, on: device.backend),
      vision: try visionEncoder.loadVisionEncoder(precision: precision, on: device.backend),
      projector: try projector.loadProjector(precision: precision, on: device.backend))
    return LoadedJoinedModel(
      model: try VisionLanguageModel(
        vision: parts.vision.model, projector: parts.projector.model, decoder: parts.language.model,
        feature: manifest.feature, dropsFirstPatch: manifest.dropsFirstPatch),
      parts: parts)
  }
}

/// A joined model that was read from disk.
public struct LoadedJoinedModel {
  /// The three parts with what there is to say about their reading.
  package struct Parts {
    /// The decoder.
    public let language: LoadedPart<Decoder>
    /// The vision encoder.
    public let vision: LoadedPart<VisionEncoder>
    /// The projector.
    public let projector: LoadedPart<Projector>
  }

  /// The model, all weights frozen.
  public let model: VisionLanguageModel
  /// Where its parts came from.
  package let parts: Parts
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
    var places = [
      ModelDirectory(path: "\(root)/\(reference.relativePath)", reference: reference.name),
      ModelDirectory(path: reference.path, reference: reference.name),
    ]
    if let cached = try? ModelDirectory.locate(reference.name, for: name, environment: environment) {
      places.append(cached)
    }
    var mismatch: CarinaError?
    for place in places where FileManager.default.fileExists(atPath: place.path) {
      do {
        try recognise(part, at: place)
        return place
      } catch let error as CarinaError {
        mismatch = mismatch ?? error
      }
    }
    throw mismatch
      ?? CarinaError(
        .missingInput, "the \(name) that the joined model refers to is not there", at: root,
        expected: places.map(\.path).joined(separator: " or "),
        remedy: "Put \(reference.name) back in its place, or name the parts: --vision-model, --llm-path and "
          + "--projector-path.")
  }

  private func recognise(_ part: CarinaManifest.Part, at directory: ModelDirectory) throws {
    let found = try directory.weights().sampledFingerprint().description
    guard found == part.identity.sampled else {
      throw CarinaError(
        .badData, "these are not the weights that the joined model was made with", at: directory.path,
        expected: "fingerprint \(part.identity.sampled)", found: found,
        remedy: "Put the original files back, or name the parts yourself: --vision-model, --llm-path and "
          + "--projector-path.")
    }
  }
}
