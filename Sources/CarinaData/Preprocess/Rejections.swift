import CarinaRuntime

/// Inputs that were left out, as lines of `rejected.jsonl`.
struct Rejections: Equatable {
  private(set) var text = ""
  var images = 0
  var samples = 0

  init() {}

  mutating func add(image: ImagePlan.PlannedImage, error: Error) throws {
    images += 1
    // Samples that show it behind another image are counted in the shard of that one.
    samples += image.samples.count
    var seen = Set<ExactText>()
    let ids = (image.samples.map(\.record.id) + image.further.map(\.id)).filter { seen.insert(ExactText($0)).inserted }
    try add(path: image.image.id, reason: Rejections.reason(error), samples: ids)
  }

  /// A record of which no sample can be made.
  mutating func add(refused record: SampleRecord) throws {
    samples += 1
    try add(path: record.image, reason: record.refusal, samples: [record.id])
  }

  mutating func add(sample: SampleRecord) throws {
    samples += 1
    try add(path: sample.image, reason: "the answer is empty", samples: [sample.id])
  }

  /// Adds those of a later shard.
  mutating func append(_ other: Rejections) {
    text += other.text
    images += other.images
    samples += other.samples
  }

  private mutating func add(path: String, reason: String, samples: [String]) throws {
    let line: JSONValue = [
      "path": .string(path), "reason": .string(reason), "samples": .array(samples.map(JSONValue.string)),
    ]
    text += try line.serialized() + "\n"
  }

  /// The first three lines of a text of rejections, for people.
  static func first(of text: some StringProtocol) -> [String] {
    text.split(separator: "\n", maxSplits: 3).prefix(3).compactMap { line in
      guard let line = try? JSONValue.parse(String(line), source: ShardFormat.rejected),
        let path = line["path"]?.string,
        let reason = line["reason"]?.string
      else { return nil }
      return "\(path): \(reason.hasSuffix(".") ? String(reason.dropLast()) : reason)"
    }
  }

  /// The reason without the path, which the line has already, and without this machine's directories.
  private static func reason(_ error: Error) -> String {
    guard let error = error as? CarinaError else { return "\(error)" }
    return CarinaError(
      error.kind, error.what, expected: error.expected, found: error.found, remedy: error.remedy
    ).description
  }

  /// All of it, for a record.
  var json: JSONValue { ["images": .integer(images), "samples": .integer(samples), "text": .string(text)] }

  /// Reads what `json` gives.
  /// - Throws: `CarinaError.badData` naming what is missing or unusable.
  init(_ node: JSONNode) throws {
    images = try node["images"].count(in: ShardFormat.counts)
    samples = try node["samples"].count(in: ShardFormat.counts)
    text = try node["text"].text()
  }
}
