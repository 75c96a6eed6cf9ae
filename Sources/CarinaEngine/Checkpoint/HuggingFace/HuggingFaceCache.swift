import CarinaRuntime
import Foundation

/// The cache that the Hugging Face libraries keep on disk: `models--ORG--NAME/refs/main` names a directory under
/// `snapshots`.
package struct HuggingFaceCache {
  /// Where it is.
  package let path: String

  /// The cache that the environment points to, as the `huggingface_hub` library finds it; nil when it points nowhere.
  package init?(environment: [String: String]) {
    guard let cache = HuggingFaceHome(environment: environment).cache else { return nil }
    path = cache
  }

  /// The directory of a model's files, which are fetched where they are not there and the process has a `ModelFetcher`.
  /// - Throws: `CarinaError.missingInput`; what fetching throws.
  func snapshot(of model: HuggingFaceReference, option: String) throws -> String {
    guard let fetcher = ModelFetcher.current else { return try present(model, option) }
    if let found = try? present(model, option), HuggingFaceCache.isWhole(found) { return found }
    try fetcher.fetch(model.identifier, model.revision, path)
    return try present(model, option)
  }

  /// Whether a snapshot is more than a part that somebody fetched: a configuration, all weights, and what a model of its
  /// kind reads or shows images by.
  private static func isWhole(_ snapshot: String) -> Bool {
    func has(_ name: String) -> Bool { FileManager.default.fileExists(atPath: "\(snapshot)/\(name)") }
    if let kind = (try? JSONValue.parseFile("\(snapshot)/config.json"))?["model_type"]?.string {
      let seesImages = kind.hasPrefix("siglip") || kind == "gemma3" || kind == "llava"
      guard !seesImages || has("preprocessor_config.json") else { return false }
      let readsText = kind.hasPrefix("gemma3") || kind == "llava"
      guard !readsText || ["tokenizer.json", "tokenizer.model"].contains(where: has) else { return false }
    }
    if has("model.safetensors") || has("adapter_model.safetensors") {
      return has("config.json") || has("adapter_config.json") || has("projector_config.json")
    }
    guard has("config.json"), let index = try? JSONValue.parseFile("\(snapshot)/model.safetensors.index.json"),
      let map = index["weight_map"]?.object
    else { return false }
    return map.allSatisfy { $0.value.string.map(has) ?? false }
  }

  private func present(_ model: HuggingFaceReference, _ option: String) throws -> String {
    let identifier = model.identifier
    let fetch =
      "give \(setting: .download) as well, or run hf download \(identifier)"
      + (model.revision.map { ", the revision \($0)" } ?? "")
    let directory = "\(path)/models--\(identifier.replacingOccurrences(of: "/", with: "--"))"
    guard FileManager.default.fileExists(atPath: directory) else {
      throw CarinaError(
        .missingInput, "\(option) names neither a directory nor a model in the Hugging Face cache", at: identifier,
        expected: directory, remedy: "Give the path of the model's directory, or fetch it: \(fetch).")
    }
    let snapshots = ((try? FileManager.default.contentsOfDirectory(atPath: "\(directory)/snapshots")) ?? []).sorted()
    let reference = model.revision ?? "main"
    let commit = (try? ReadableFile.read("\(directory)/refs/\(reference)", limit: .line))
      .map { String(decoding: $0, as: UTF8.self) }?.trimmingCharacters(in: .whitespacesAndNewlines)
    if let commit, snapshots.contains(commit) { return "\(directory)/snapshots/\(commit)" }
    if commit == nil, let revision = model.revision, snapshots.contains(revision) {
      return "\(directory)/snapshots/\(revision)"
    }
    // A model fetched by a revision's hash has no branch; a single snapshot is then the one that is meant.
    if commit == nil, model.revision == nil, snapshots.count == 1 { return "\(directory)/snapshots/\(snapshots[0])" }
    throw CarinaError(
      .missingInput,
      "the Hugging Face cache holds no complete \(identifier)" + (model.revision.map { " of revision \($0)" } ?? ""),
      at: directory,
      expected: commit.map { "snapshots/\($0)" }
        ?? model.revision.map { "refs/\($0), or snapshots/\($0)" } ?? "refs/main, or a single snapshot",
      found: snapshots.isEmpty ? "no snapshots" : snapshots.joined(separator: ", "),
      remedy: "Fetch it again: \(fetch). Or give the path of a snapshot.")
  }
}
