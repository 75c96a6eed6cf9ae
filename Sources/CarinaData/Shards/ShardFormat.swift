/// Names and numbers of the shard format, version 1; `docs` and the README describe it, h5py reads it.
package enum ShardFormat {
  static let name = "carina-shards"
  static let version = 1
  /// What a file may say that there are of something: more would not be read, and sums of such numbers have room.
  static let counts = 0...1 << 40
  static let pixels = "/images/pixels"
  static let imageTexts = ["/images/id", "/images/patient", "/images/study", "/images/view"]
  static let sampleImage = "/samples/image"
  static let sampleTexts = [
    "/samples/id", "/samples/question", "/samples/answer", "/samples/answer_type", "/samples/question_type",
  ]
  static let manifest = "manifest.json"
  static let rejected = "rejected.jsonl"
  package static let remarks = "remarks.jsonl"

  static func fileName(_ index: Int) -> String {
    let digits = String(index)
    return "shard-\(String(repeating: "0", count: max(0, 5 - digits.count)))\(digits).h5"
  }
}
