import CarinaModel
import CarinaRuntime
import CarinaTensor
import Foundation

/// An adapter on disk as it is named: one file of PEFT's, or several of one training run, a file a model of
/// transformers, with what is known of their base.
package struct AdapterBundle {
  /// What the user called it, and where it is.
  package let reference: String, path: String
  /// The files.
  package let files: [PeftAdapterFile]
  /// The base that it was trained on; nil for an adapter that was made elsewhere.
  package let base: AdapterBase?

  /// Finds and opens an adapter: its own directory, the final model or the run of which it is a part, a directory that
  /// holds one under the adapter's name, or an id in the Hugging Face cache on disk.
  /// - Throws: `CarinaError.missingInput`, `.badData`.
  package init(_ reference: String) throws {
    self.reference = reference
    let directory = try ModelDirectory.locate(reference, for: AdapterChoice.setting)
    path = try AdapterDirectory.find(in: directory)
    base = try AdapterBase(directory: path)
    var files: [PeftAdapterFile] = []
    if ModelDirectory(path: path).has(AdapterDirectory.fileName) { files.append(try PeftAdapterFile(path: path)) }
    for part in [AdaptedPart.visionEncoder, .projector] {
      let inner = "\(path)/\(part.rawValue)"
      guard base != nil, ModelDirectory(path: inner).has(AdapterDirectory.fileName) else { continue }
      files.append(try PeftAdapterFile(path: inner, part: part))
    }
    self.files = files
  }

  /// Which weights these are.
  /// - Throws: as `WeightsDirectory.contentHash`.
  package func identity() throws -> WeightsIdentity {
    let weights = files.map(\.weights)
    guard weights.count != 1 else { return try WeightsIdentity(weights[0]) }
    return WeightsIdentity(
      sha256: SHA256Digest.of(try weights.map { try $0.contentHash() }.joined(separator: "\n")),
      sampled: sampledFingerprint)
  }

  /// A quick fingerprint of the weights.
  package var sampledFingerprint: String {
    let weights = files.map(\.weights)
    guard weights.count != 1 else { return weights[0].sampledFingerprint().description }
    var fingerprint = Fingerprint()
    for file in weights { fingerprint.update(file.sampledFingerprint().description) }
    return fingerprint.description
  }

  /// Whether anything in a part is changed or replaced.
  func touches(_ part: AdaptedPart) -> Bool {
    files.contains { $0.changes.contains { $0.part == part } || $0.saved.contains { $0.part == part } }
  }

  /// What it does, in a few words.
  var summary: String {
    let changes = files.flatMap(\.changes)
    var words: [String] = []
    if !changes.isEmpty {
      let ranks = Set(changes.map { $0.a.shape.first ?? 0 }).sorted()
      words.append("rank \(ranks.map(String.init).joined(separator: ", "))")
    }
    for part in AdaptedPart.allCases {
      let count = changes.count { $0.part == part }
      if count > 0 { words.append("\(count) maps of the \(part.words)") }
    }
    let saved = files.reduce(0) { $0 + $1.saved.count }
    if saved > 0 { words.append("\(saved) whole weights") }
    return words.joined(separator: ", ")
  }
}
