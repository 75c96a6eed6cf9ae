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
      "format": "carina-shards", "version": .integer(ShardFormat.version), "split": .string(split),
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
    let document = try JSONValue.parseFile(path)
    guard document["format"]?.string == "carina-shards" else { throw unusable("format", path) }
    let version = try number(document["version"], "version", path)
    guard version == ShardFormat.version else {
      throw CarinaError(
        .badData, "has another format version", at: path, expected: "\(ShardFormat.version)", found: "\(version)",
        remedy: "Run preprocess again with this version of Carina.")
    }
    guard let settings = document["transform"]?["settings"], let list = document["shards"]?.array else {
      throw unusable(document["shards"] == nil ? "shards" : "transform", path)
    }
    let transform = try ImageTransform(settings: settings, source: path)
    guard transform.id == document["transform"]?["id"]?.string else { throw unusable("transform.id", path) }
    let shards = try list.map { try Shard(json: $0, source: path) }
    return try ShardManifest(
      split: text(document["split"], "split", path), sourceName: text(document["source"]?["name"], "source", path),
      sourceDigest: text(document["source"]?["sha256"], "source", path), transform: transform, shards: shards,
      rejectedImages: number(document["rejected"]?["images"], "rejected", path),
      rejectedSamples: number(document["rejected"]?["samples"], "rejected", path),
      // Absent from manifests of other programs, which count nothing.
      suspectedInversions: number(document["remarks"]?["suspected_inversions"] ?? 0, "remarks", path),
      orientationTags: number(document["remarks"]?["orientation_tags"] ?? 0, "remarks", path),
      fileRemarks: number(document["remarks"]?["file_remarks"] ?? 0, "remarks", path))
  }

  private static func text(_ value: JSONValue?, _ key: String, _ path: String) throws -> String {
    guard let text = value?.string else { throw unusable(key, path) }
    return text
  }

  fileprivate static func number(_ value: JSONValue?, _ key: String, _ path: String) throws -> Int {
    guard let number = value?.int, number >= 0 else { throw unusable(key, path) }
    return number
  }

  fileprivate static func unusable(_ key: String, _ path: String) -> CarinaError {
    CarinaError(.badData, "\"\(key)\" is missing or unusable", at: path, remedy: "Run preprocess again.")
  }
}

extension ShardManifest.Shard {
  /// Reads an entry of a manifest.
  /// - Throws: `CarinaError.badData` naming the part that is missing or unusable.
  init(json: JSONValue, source: String) throws {
    func number(_ key: String) throws -> Int { try ShardManifest.number(json[key], key, source) }
    guard let file = json["file"]?.string, !file.contains("/") else { throw ShardManifest.unusable("file", source) }
    guard let sha256 = json["sha256"]?.string else { throw ShardManifest.unusable("sha256", source) }
    self.init(
      file: file, images: try number("images"), samples: try number("samples"), channels: try number("channels"),
      bytes: try number("bytes"), sha256: sha256)
  }
}
