import CarinaRuntime

/// What is known of a shard that is done, as it waits in a file of its own for the manifest.
struct FinishedShard: Equatable {
  /// An image and a digest of its pixels at the model's size.
  struct Pixels: Equatable {
    let image: String
    let digest: String
  }

  /// The shard's line in the manifest; nil when none of its images could be used and there is no file.
  let shard: ShardManifest.Shard?
  /// What was left out.
  let rejections: Rejections
  /// What is odd about the images in it.
  let remarks: ImageRemarks
  /// Digests of the images in it; empty when nothing asks for them.
  let pixels: [Pixels]

  init(shard: ShardManifest.Shard?, rejections: Rejections, remarks: ImageRemarks, pixels: [Pixels]) {
    (self.shard, self.rejections, self.remarks, self.pixels) = (shard, rejections, remarks, pixels)
  }

  /// The record's text.
  func text() throws -> String {
    let document = JSONObject([
      ("shard", shard?.json ?? .null), ("rejected", rejections.json), ("remarks", remarks.json),
      ("pixels", .array(pixels.map { .array([.string($0.image), .string($0.digest)]) })),
    ])
    return try JSONValue.object(document.sealed()).serialized() + "\n"
  }

  /// Reads a record.
  /// - Throws: `CarinaError.badData` when it is not understood, or was changed after it was written.
  init(reading path: String) throws {
    let remedy = "Remove this record of a finished shard; the shard is then made again."
    let root = JSONNode(try .parseFile(path, limit: .list), source: path, remedy: remedy)
    try root.value?.object?.requireSeal(source: path, remedy: remedy)
    rejections = try Rejections(root["rejected"])
    remarks = try ImageRemarks(root["remarks"])
    // A shard without an image says null, a record that is no record nothing.
    guard let shard = root["shard"].value else { throw root["shard"].failure("a shard or null") }
    self.shard = shard.isNull ? nil : try ShardManifest.Shard(root["shard"])
    pixels = try root["pixels"].elements().map { entry in
      let pair = try entry.read("an image and a digest") { value in
        value.array?.compactMap(\.string).count == 2 && value.array?.count == 2
          ? value.array?.compactMap(\.string) : nil
      }
      return Pixels(image: pair[0], digest: pair[1])
    }
  }
}
