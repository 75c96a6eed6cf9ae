import CarinaRuntime
import Foundation

extension ShardDirectory {
  /// Opens a shard directory after comparing all bytes of every shard with the manifest, and reads all pixels.
  /// - Parameter progress: told how many shards are done.
  /// - Returns: the directory, open.
  /// - Throws: what opening throws; `CarinaError.badData` listing every shard whose bytes differ.
  @discardableResult
  public static func verified(_ path: String, progress: (Int) -> Void = { _ in }) throws -> ShardDirectory {
    let manifest = try ShardManifest.read(path)
    try manifest.requireDigests(path, progress: progress)
    let shards = try ShardDirectory(path, manifest)
    // Whoever wrote a digest over wrong pixels is found out by their own checksums, or by filters that cannot be undone.
    for row in 0..<shards.imageCount { _ = try shards.pixels(imageRow: row) }
    return shards
  }
}

extension ShardManifest {
  /// Compares all bytes of every shard with its SHA-256.
  /// - Throws: `CarinaError.badData` listing every shard whose bytes differ; `.missingInput`.
  func requireDigests(_ directory: String, progress: (Int) -> Void = { _ in }) throws {
    var damaged: [String] = []
    for (index, shard) in shards.enumerated() {
      let path = directory + "/" + shard.file
      try ReadableFile.require(path)
      if try SHA256Digest.ofFile(path) != shard.sha256 { damaged.append(shard.file) }
      progress(index + 1)
    }
    guard damaged.isEmpty else {
      throw CarinaError(
        .badData, "\(damaged.count) of \(shards.count) shards do not have the checksum of the manifest", at: directory,
        found: damaged.joined(separator: ", "), remedy: "Copy them again or run preprocess again.")
    }
  }
}
