import CarinaRuntime
import Foundation

/// Fetches models from the Hugging Face hub into the cache of the Hugging Face libraries, in its own layout
/// (`huggingface_hub/guides/manage-cache`): `models--ORG--NAME/blobs/ETAG`, links to these under `snapshots/COMMIT`, and
/// `refs/REVISION`, which is written when all files are there.
///
///     let download = HubDownload(try HubSettings())
///     try download.fetch("google/siglip-base-patch16-384", revision: nil, into: cache)
public struct HubDownload {
  /// Where to ask, and as whom.
  let settings: HubSettings
  /// Told of what happens.
  public var onProgress: (HubProgress) -> Void = { _ in }
  /// Asked at least once a second.
  public var shouldStop: () -> Bool = { false }
  /// Seconds to wait before the second, third, … try of what failed without a byte having come.
  package var waits: [Double] = [1, 2, 4, 8, 16]

  /// Downloads as the environment says.
  public init(_ settings: HubSettings) { self.settings = settings }

  /// Fetches what is missing of a model.
  /// - Parameters:
  ///   - revision: a branch, a tag or a commit; nil for `main`.
  ///   - cache: the directory of `models--…`.
  /// - Throws: `CarinaError.usage` where the environment forbids the network; `.missingInput` for a model that is not
  ///   there, gated, or cannot be reached; `.badData` for files that are not what the hub says, and a repository without
  ///   weights; `.cannotWrite`; `.interrupted`.
  public func fetch(_ model: String, revision: String?, into cache: String) throws {
    if let offline = settings.offline {
      throw CarinaError(
        .usage, "the model is not in the cache, and \(offline) forbids to fetch it", at: model,
        remedy: "Unset \(offline), or fetch the model where there is a network and copy the cache.")
    }
    let revision = revision ?? "main"
    let asking = HubAsking(
      settings, try HubConnection(certificates: settings.certificates, shouldStop: shouldStop), waits: waits,
      shouldStop: shouldStop, onProgress: onProgress)
    let (commit, names) = try asking.files(model, revision: revision)
    let folder = "models--\(model.replacingOccurrences(of: "/", with: "--"))"
    let repository = HubRepository(root: "\(cache)/\(folder)", locks: "\(cache)/.locks/\(folder)", commit: commit)
    var files = try HubFiles.wanted(names, model: model).map { try asking.describe($0, of: model, commit: commit) }
    try fetch(files, of: model, asking, repository)
    if let index = files.first(where: { $0.name == HubFiles.index }) {
      let shards = try HubFiles.shards(index: repository.blob(index))
      let missing = shards.filter { !names.contains($0) }
      guard missing.isEmpty else {
        throw CarinaError(
          .badData, "the repository lacks shards that its index names", at: model,
          found: "no \(missing.prefix(5).joined(separator: ", "))")
      }
      let more = try shards.map { try asking.describe($0, of: model, commit: commit) }
      try fetch(more, of: model, asking, repository)
      files += more
    }
    try repository.link(files)
    if revision != commit { try AtomicFile.write(commit, to: "\(repository.root)/refs/\(revision)") }
    onProgress(.finished)
  }

  private func fetch(_ files: [HubFile], of model: String, _ asking: HubAsking, _ repository: HubRepository) throws {
    let missing = files.filter { !repository.has($0) }
    guard !missing.isEmpty else { return }
    let byteCount = missing.reduce(0) { $0 + ($1.byteCount ?? 0) }
    onProgress(.found(model: model, commit: repository.commit, files: missing.count, byteCount: byteCount))
    let there = missing.reduce(0) { $0 + repository.partialByteCount($1) }
    if let room = DiskSpace(at: repository.root).byteCount, room < byteCount - there {
      throw CarinaError(
        .cannotWrite, "there is no room for the model", at: repository.root,
        expected: "\(byteCount - there) bytes", found: "\(room)",
        remedy: "Make room, or set HF_HOME to a directory on another disk.")
    }
    var before = 0
    for file in missing {
      try repository.fetch(file, of: model, asking) { [before] in onProgress(.arrived(byteCount: before + $0)) }
      before += file.byteCount ?? 0
    }
  }
}

/// A file of a repository, as the hub describes it.
struct HubFile {
  /// Its name, in no directory.
  let name: String
  /// The name of its content: a checksum.
  let etag: String
  /// Its length; nil where the hub does not say.
  let byteCount: Int?
}
