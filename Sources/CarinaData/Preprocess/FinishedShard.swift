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
    let document: JSONValue = [
      "shard": shard?.json ?? .null, "rejected": rejections.json, "remarks": remarks.json,
      "pixels": .array(pixels.map { .array([.string($0.image), .string($0.digest)]) }),
    ]
    return try document.serialized() + "\n"
  }

  /// Reads a record.
  /// - Throws: `CarinaError.badData` when it is not understood.
  init(reading path: String) throws {
    let document = try JSONValue.parseFile(path, limit: .list)
    let broken = CarinaError(
      .badData, "is no record of a finished shard", at: path, remedy: "Remove it; its shard is then made again.")
    guard let rejected = document["rejected"], let rejections = Rejections(json: rejected),
      let remarks = document["remarks"].flatMap(ImageRemarks.init(json:)),
      let list = document["pixels"]?.array, let shard = document["shard"]
    else { throw broken }
    self.rejections = rejections
    self.remarks = remarks
    self.shard = shard.isNull ? nil : try ShardManifest.Shard(json: shard, source: path)
    pixels = try list.map { entry in
      guard let pair = entry.array?.compactMap(\.string), pair.count == 2 else { throw broken }
      return Pixels(image: pair[0], digest: pair[1])
    }
  }
}
