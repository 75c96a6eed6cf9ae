import CarinaRuntime
import CarinaText
import Foundation

/// A model on disk in Hugging Face layout: `config.json`, weights in safetensors, and what comes with them.
public struct ModelDirectory: Equatable, Sendable {
  /// Where it is.
  public let path: String
  /// What the user called it: a path, or an id of the Hugging Face hub.
  package let reference: String

  /// A directory that is known to be one.
  package init(path: String, reference: String? = nil) {
    self.path = path
    self.reference = reference ?? path
  }

  /// Finds a model by path, or in the Hugging Face cache on disk by an id (`google/siglip-base-patch16-384`), an id with
  /// a revision (`ORG/NAME@REVISION`), `hf://ORG/NAME` or the address of its page. What is not there is fetched where the
  /// process has a `ModelFetcher`.
  /// - Parameters:
  ///   - option: the setting that holds the reference, for errors.
  ///   - environment: where `HF_HUB_CACHE`, `HF_HOME`, `XDG_CACHE_HOME`, `HOME` and `HF_ENDPOINT` are looked up.
  /// - Throws: `CarinaError.missingInput` that names every path looked at.
  public static func locate(
    _ reference: String, for option: SettingName,
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws -> ModelDirectory {
    var isDirectory: ObjCBool = false
    if FileManager.default.fileExists(atPath: reference, isDirectory: &isDirectory) {
      guard isDirectory.boolValue else {
        throw CarinaError(
          .missingInput, "\(setting: option) names a file", at: reference, expected: "the directory of a model",
          remedy: "Name the directory that holds its config.json.")
      }
      return ModelDirectory(path: reference)
    }
    let endpoint = environment["HF_ENDPOINT"]
    guard let model = HuggingFaceReference(reference, endpoint: endpoint),
      let cache = HuggingFaceCache(environment: environment)
    else {
      if HuggingFaceReference.isAddress(reference, endpoint: endpoint) {
        throw CarinaError(
          .missingInput, "\(setting: option) names an address that is no model's", at: reference,
          expected: "https://huggingface.co/ORG/NAME, with or without /tree/REVISION, or hf://ORG/NAME@REVISION",
          remedy: "Name the model, not a file of it or a data set, or the path of its directory.")
      }
      throw CarinaError(
        .missingInput, "\(setting: option) names no directory that is there", at: reference, remedy: "Check the path.")
    }
    return ModelDirectory(path: try cache.snapshot(of: model, option: option.description), reference: reference)
  }

  /// Finds a projector by its own directory, by that of the model or of the run in which it lies, by the id of a joined
  /// model, or by a file that `torch.save` wrote, or its directory.
  /// - Throws: `CarinaError.missingInput`.
  public static func projector(
    _ path: String, environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws -> ModelDirectory {
    if let saved = try torchProjector(path) { return saved }
    let candidates = [path, "\(path)/projection_layer", "\(path)/final_model/projection_layer"]
    for candidate in candidates.map({ ModelDirectory(path: $0) })
    where candidate.has("projector_config.json") || candidate.has("model.safetensors") || candidate.isJoined {
      return candidate
    }
    // The id of a joined model is a projector too.
    if !FileManager.default.fileExists(atPath: path) {
      do {
        let cached = try locate(path, for: .projectorPath, environment: environment)
        if cached.isJoined { return cached }
      } catch {
        // What hindered a download is the news; else nobody meant an id.
        if ModelFetcher.current != nil { throw error }
      }
    }
    throw CarinaError(
      .missingInput, "there is no projector", at: path,
      expected: "a directory with model.safetensors, or a file of torch.save",
      remedy: "Name the projection_layer directory that stage 1 wrote.")
  }

  /// What a user calls a checkpoint, where it is a directory with a `config.json` instead of a joined model of Carina's
  /// own, or the id of a model in the cache; nil for a directory without a `config.json`.
  /// - Throws: as `locate` where there is neither a directory nor a model in the cache.
  static func foreignCheckpoint(
    _ reference: String, environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws -> ModelDirectory? {
    let directory = ModelDirectory(path: reference)
    if FileManager.default.fileExists(atPath: reference) {
      return directory.has("config.json") && !directory.has(CarinaManifest.fileName) ? directory : nil
    }
    return try locate(reference, for: .checkpoint, environment: environment)
  }

  /// The path of a file inside.
  package func file(_ name: String) -> String { "\(path)/\(name)" }

  /// Whether a file is there.
  package func has(_ name: String) -> Bool { FileManager.default.fileExists(atPath: file(name)) }

  /// The content of `config.json`.
  /// - Throws: `CarinaError.missingInput`, `.badData` when it is no JSON, or the directory holds an adapter.
  package func configuration() throws -> JSONValue {
    if has(AdapterDirectory.fileName), let refusal = AdapterDirectory.refusal(path) { throw refusal }
    guard has("config.json") else {
      throw CarinaError(
        .missingInput, "there is no config.json", at: path, expected: "the directory of a model in Hugging Face layout",
        found: contentList, remedy: nestedModelRemedy)
    }
    return try JSONValue.parseFile(file("config.json"))
  }

  /// The weights.
  /// - Throws: as `WeightsDirectory.init`.
  package func weights() throws -> WeightsDirectory { try WeightsDirectory(path: path) }

  /// Copies the tokenizer's files into another directory.
  /// - Throws: `CarinaError.missingInput` when there is none, `.cannotWrite`.
  package func copyTokenizer(to target: String) throws {
    let names = TokenizerFactory.fileNames + ["chat_template.jinja", "chat_template.json"]
    let present = names.filter { has($0) }
    guard present.contains(where: { $0 == "tokenizer.json" || $0.hasSuffix(".model") }) else {
      throw CarinaError(
        .missingInput, "there is no tokenizer", at: path, expected: "tokenizer.json, tokenizer.model or spiece.model",
        remedy: "Copy the tokenizer files of the model into its directory.")
    }
    for name in present {
      try AtomicFile.write(ReadableFile.read(file(name), limit: .tokenizer), to: "\(target)/\(name)")
    }
  }

  private var contentList: String? {
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: path) else { return nil }
    return names.isEmpty ? "nothing" : names.sorted().prefix(8).joined(separator: ", ")
  }

  private var nestedModelRemedy: String? {
    let inner = ["language_model", "vision_encoder"].filter { has("\($0)/config.json") }
    return inner.isEmpty ? nil : "This is a joined model; name \(inner.map(file).joined(separator: " or "))."
  }
}
