import CarinaRuntime
import Foundation

/// `manifest.json` of a shard directory: what it holds and the checksum of every shard.
public struct ShardManifest: Equatable, Sendable {
  /// One shard file.
  public struct Shard: Equatable, Sendable {
    /// File name within the directory.
    package let file: String
    /// Images in it.
    public let images: Int
    /// Samples in it.
    public let samples: Int
    /// 1 grey, 3 red, green, blue.
    package let channels: Int
    /// Size of the file.
    public let bytes: Int
    /// SHA-256 of the file.
    package let sha256: String

    /// Its entry in the manifest.
    var json: JSONValue {
      [
        "file": .string(file), "images": .integer(images), "samples": .integer(samples),
        "channels": .integer(channels), "bytes": .integer(bytes), "sha256": .string(sha256),
      ]
    }
  }

  /// Version of the shards' format.
  public let version: Int
  /// The split that the directory holds; empty when none was named.
  public let split: String
  /// File name of the records, and SHA-256 of their file.
  package let sourceName: String, sourceDigest: String
  /// How the pixels were made.
  public let transform: ImageTransform
  /// The shards in order.
  public let shards: [Shard]
  /// Inputs left out, listed in `rejected.jsonl`.
  public let rejectedImages: Int, rejectedSamples: Int
  /// Stored images whose grey may be the wrong way round, listed in `remarks.jsonl`.
  public let suspectedInversions: Int
  /// Stored images with a tag that says they are not upright, listed in `remarks.jsonl`.
  public let orientationTags: Int
  /// Stored images whose files are odd in themselves, listed in `remarks.jsonl`.
  public let fileRemarks: Int

  /// Images in all.
  public var images: Int { shards.reduce(0) { $0 + $1.images } }
  /// Samples in all.
  public var samples: Int { shards.reduce(0) { $0 + $1.samples } }

  /// The file's text; equal manifests give equal bytes.
  func text() throws -> String {
    var remarks = JSONObject([
      ("suspected_inversions", .integer(suspectedInversions)), ("orientation_tags", .integer(orientationTags)),
    ])
    if fileRemarks > 0 { remarks["file_remarks"] = .integer(fileRemarks) }
    let document: JSONValue = [
      "format": .string(ShardFormat.name), "version": .integer(version), "split": .string(split),
      "images": .integer(images), "samples": .integer(samples),
      "rejected": ["images": .integer(rejectedImages), "samples": .integer(rejectedSamples)],
      "remarks": .object(remarks),
      "source": ["name": .string(sourceName), "sha256": .string(sourceDigest)],
      "transform": ["id": .string(transform.id), "settings": transform.settings], "shards": .array(shards.map(\.json)),
    ]
    return try document.serialized(indented: true) + "\n"
  }

  /// Reads the manifest of a shard directory.
  /// - Throws: `CarinaError.missingInput` when the directory has none, `.badData` when it is not understood.
  public static func read(_ directory: String) throws -> ShardManifest {
    let path = directory + "/" + ShardFormat.manifest
    guard FileManager.default.fileExists(atPath: path) else {
      throw CarinaError(
        .missingInput, "is no shard directory: there is no \(ShardFormat.manifest) in it", at: directory,
        remedy: "Give a directory that preprocess has written.")
    }
    let root = JSONNode(try .parseFile(path, limit: .list), source: path, remedy: "Run preprocess again.")
    guard try root["format"].text() == ShardFormat.name else { throw root["format"].failure("\"\(ShardFormat.name)\"") }
    let version = try root["version"].count()
    guard (ShardFormat.oldestVersion...ShardFormat.severalVersion).contains(version) else {
      throw CarinaError(
        .badData, "has another format version", at: path,
        expected: "\(ShardFormat.oldestVersion) to \(ShardFormat.severalVersion)", found: "\(version)",
        remedy: "Run preprocess again with this version of Carina.")
    }
    let transform = try ImageTransform(settings: .object(root["transform"]["settings"].object()), source: path)
    guard try root["transform"]["id"].text() == transform.id else {
      throw root["transform"]["id"].failure("\(transform.id), which its settings make")
    }
    // Absent from manifests of other programs, which count nothing.
    func remarks(_ key: String) throws -> Int {
      try root["remarks"].optional?[key].optional?.count(in: ShardFormat.counts) ?? 0
    }
    let shards = try root["shards"].elements()
    guard (1...1_000_000).contains(shards.count) else { throw root["shards"].failure("1 to 1000000 shards") }
    let manifest = ShardManifest(
      version: version, split: try root["split"].text(), sourceName: try root["source"]["name"].text(),
      sourceDigest: try root["source"]["sha256"].text(), transform: transform,
      shards: try shards.map(Shard.init),
      rejectedImages: try root["rejected"]["images"].count(in: ShardFormat.counts),
      rejectedSamples: try root["rejected"]["samples"].count(in: ShardFormat.counts),
      suspectedInversions: try remarks("suspected_inversions"), orientationTags: try remarks("orientation_tags"),
      fileRemarks: try remarks("file_remarks"))
    var files = Set<ExactText>()
    for shard in manifest.shards where !files.insert(ExactText(shard.file)).inserted {
      throw root["shards"].failure("names one of its files twice", expected: "each shard once: \(shard.file)")
    }
    for (name, sum) in [("images", manifest.images), ("samples", manifest.samples)] {
      guard try root[name].optional?.count() ?? sum == sum else {
        throw root[name].failure("\(sum), the sum over its shards")
      }
    }
    return manifest
  }
}

extension ShardManifest.Shard {
  /// Reads an entry of a manifest.
  /// - Throws: `CarinaError.badData` naming the part that is missing or unusable.
  init(_ node: JSONNode) throws {
    func number(_ key: String) throws -> Int { try node[key].count(in: ShardFormat.counts) }
    let file = try node["file"].text()
    guard FileName.isSingle(file) else {
      throw node["file"].failure("the name of a file in the directory")
    }
    self.init(
      file: file, images: try number("images"), samples: try number("samples"), channels: try number("channels"),
      bytes: try number("bytes"), sha256: try node["sha256"].text())
  }
}
