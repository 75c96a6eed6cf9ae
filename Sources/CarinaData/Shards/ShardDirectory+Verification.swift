import CarinaRuntime
import Foundation

extension ShardDirectory {
  /// Opens a shard directory and compares the checksum of every shard with the manifest's.
  /// - Parameter progress: told how many shards are done.
  /// - Returns: the directory, open.
  /// - Throws: what opening throws; `CarinaError.badData` listing every shard whose bytes differ.
  @discardableResult
  public static func verified(_ path: String, progress: (Int) -> Void = { _ in }) throws -> ShardDirectory {
    let manifest = try ShardManifest.read(path)
    var damaged: [String] = []
    for (index, shard) in manifest.shards.enumerated() {
      if try SHA256Digest.ofFile(path + "/" + shard.file) != shard.sha256 { damaged.append(shard.file) }
      progress(index + 1)
    }
    guard damaged.isEmpty else {
      throw CarinaError(
        .badData, "\(damaged.count) of \(manifest.shards.count) shards do not have the checksum of the manifest",
        at: path,
        found: damaged.joined(separator: ", "), remedy: "Copy them again or run preprocess again.")
    }
    return try ShardDirectory(path)
  }
}
