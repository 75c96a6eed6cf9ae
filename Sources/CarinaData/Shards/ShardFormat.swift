/// Names and numbers of the shard format, version 1; `docs` and the README describe it, h5py reads it.
package enum ShardFormat {
  static let version = 1
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
