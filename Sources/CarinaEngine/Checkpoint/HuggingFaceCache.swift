import CarinaRuntime
import Foundation

/// The cache that the Hugging Face libraries keep on disk: `models--ORG--NAME/refs/main` names a directory under
/// `snapshots`.
struct HuggingFaceCache {
  let path: String

  /// The cache that the environment points to, as the `huggingface_hub` library finds it; nil when it points nowhere.
  init?(environment: [String: String]) {
    func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
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

  /// Whether a text can be a model's id: `NAME` or `ORG/NAME` of letters, digits, `-`, `_` and `.`.
  static func isIdentifier(_ text: String) -> Bool {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    return (1...2).contains(parts.count)
      && parts.allSatisfy { part in
        guard let first = part.first, first != ".", first != "-" else { return false }
        return part.utf8.allSatisfy { byte in
          switch byte {
          case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
            return true
          default: return false
          }
        }
      }
  }

  /// The directory of a model's files.
  /// - Throws: `CarinaError.missingInput`.
  func snapshot(of identifier: String, option: String) throws -> String {
    let model = "\(path)/models--\(identifier.replacingOccurrences(of: "/", with: "--"))"
    guard FileManager.default.fileExists(atPath: model) else {
      throw CarinaError(
        .missingInput, "\(option) names neither a directory nor a model in the Hugging Face cache", at: identifier,
        expected: model,
        remedy: "Give the path of the model's directory, or fetch it first: hf download \(identifier).")
    }
    let snapshots = ((try? FileManager.default.contentsOfDirectory(atPath: "\(model)/snapshots")) ?? []).sorted()
    let main = (try? ReadableFile.read("\(model)/refs/main", limit: .line))
      .map { String(decoding: $0, as: UTF8.self) }?.trimmingCharacters(in: .whitespacesAndNewlines)
    if let main, snapshots.contains(main) { return "\(model)/snapshots/\(main)" }
    // A model fetched by a revision's hash has no branch; a single snapshot is then the one that is meant.
    if main == nil, snapshots.count == 1 { return "\(model)/snapshots/\(snapshots[0])" }
    throw CarinaError(
      .missingInput, "the Hugging Face cache holds no complete \(identifier)", at: model,
      expected: main.map { "snapshots/\($0)" } ?? "refs/main, or a single snapshot",
      found: snapshots.isEmpty ? "no snapshots" : snapshots.joined(separator: ", "),
      remedy: "Fetch it again: hf download \(identifier). Or give the path of a snapshot.")
  }
}
