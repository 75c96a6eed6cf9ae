import CarinaRuntime
import Foundation

/// The cache that the Hugging Face libraries keep on disk: `models--ORG--NAME/refs/main` names a directory under
/// `snapshots`.
package struct HuggingFaceCache {
  /// Where it is.
  package let path: String

  /// The cache that the environment points to, as the `huggingface_hub` library finds it; nil when it points nowhere.
  package init?(environment: [String: String]) {
    // As that library does, `~` and `$NAME` stand for what a shell would put there.
    func value(_ name: String) -> String? {
      guard let text = environment[name], !text.isEmpty else { return nil }
      return HuggingFaceCache.expanded(text, environment)
    }
    if let cache = value("HF_HUB_CACHE") ?? value("HUGGINGFACE_HUB_CACHE") {
      path = cache
    } else if let home = value("HF_HOME") {
      path = "\(home)/hub"
    } else if let cache = value("XDG_CACHE_HOME") {
      path = "\(cache)/huggingface/hub"
    } else if let home = value("HOME") {
      path = "\(home)/.cache/huggingface/hub"
    } else {
      return nil
    }
  }

  private static func expanded(_ text: String, _ environment: [String: String]) -> String {
    var path = text
    if path == "~" || path.hasPrefix("~/"), let home = environment["HOME"] { path = home + path.dropFirst() }
    return path.replacing(/\$(?:\{(?<braced>\w+)\}|(?<plain>\w+))/) { match in
      environment[String(match.braced ?? match.plain ?? "")] ?? String(match.0)
    }
  }

  /// The directory of a model's files.
  /// - Throws: `CarinaError.missingInput`.
  func snapshot(of model: HuggingFaceReference, option: String) throws -> String {
    let identifier = model.identifier
    let fetch = "hf download \(identifier)" + (model.revision.map { ", the revision \($0)" } ?? "")
    let directory = "\(path)/models--\(identifier.replacingOccurrences(of: "/", with: "--"))"
    guard FileManager.default.fileExists(atPath: directory) else {
      throw CarinaError(
        .missingInput, "\(option) names neither a directory nor a model in the Hugging Face cache", at: identifier,
        expected: directory, remedy: "Give the path of the model's directory, or fetch it first: \(fetch).")
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
