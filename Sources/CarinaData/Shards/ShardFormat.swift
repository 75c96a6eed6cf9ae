/// Names and numbers of the shard format; docs/file-formats.md describes its versions, h5py reads them.
package enum ShardFormat {
  static let name = "carina-shards"
  /// What is written where every sample has one image, and where a sample has several.
  static let version = 2, severalVersion = 3
  /// What is read too: a version whose texts lie in HDF5's heaps.
  static let oldestVersion = 1
  /// What a file may say that there are of something: more would not be read, and sums of such numbers have room.
  static let counts = 0...1 << 40
  static let pixels = "/images/pixels"
  static let pixelSums = "/images/checksum"
  static let imageTexts = ["/images/id", "/images/patient", "/images/study", "/images/view"]
  static let sampleImage = "/samples/image"
  /// Of version 3: the images' numbers, those of each sample one after the other, and where each sample's begin.
  static let imageNumbers = "/images/number"
  static let sampleNumbers = "/samples/images/numbers", sampleOffsets = "/samples/images/offsets"
  static let sampleTexts = [
    "/samples/id", "/samples/question", "/samples/answer", "/samples/answer_type", "/samples/question_type",
  ]
  static let manifest = "manifest.json"
  static let rejected = "rejected.jsonl"
  package static let remarks = "remarks.jsonl"

  /// What is asked of a shard when it is opened.
  static func request(version: Int) -> HDF5Request {
    let attributes = ["format_version", "transform_id"], texts = imageTexts + sampleTexts
    let datasets: [(name: String, values: HDF5Request.Values)] =
      version == oldestVersion
      ? [(pixels, .none), (sampleImage, .integers)] + texts.map { ($0, .texts) }
      : [(pixels, .none), (pixelSums, .none)]
        + (version == severalVersion ? [imageNumbers, sampleNumbers, sampleOffsets] : [sampleImage]).map { ($0, .none) }
        + texts.flatMap { [($0 + "/bytes", .none), ($0 + "/offsets", .none)] }
    return HDF5Request(attributes: attributes, datasets: datasets)
  }

  static func fileName(_ index: Int) -> String {
    let digits = String(index)
    return "shard-\(String(repeating: "0", count: max(0, 5 - digits.count)))\(digits).h5"
  }
}
