import CarinaRuntime

/// What is odd about stored images, as lines of `remarks.jsonl`. Nothing is changed because of it.
package struct ImageRemarks: Equatable {
  private(set) var text = ""
  /// Images whose grey may be the wrong way round.
  private(set) var inversions = 0
  /// Images with a tag that says they are not upright.
  private(set) var orientations = 0
  /// Images whose files are odd in themselves, such as a radiograph without its head, or one frame of several.
  private(set) var files = 0

  init() {}

  /// Notes what is odd about an image, if anything is.
  mutating func add(_ id: String, _ image: InspectedImage) throws {
    guard image.inversion != nil || image.orientation != nil || image.remark != nil else { return }
    inversions += image.inversion == nil ? 0 : 1
    orientations += image.orientation == nil ? 0 : 1
    files += image.remark == nil ? 0 : 1
    var line = JSONObject([
      ("path", .string(id)), ("suspected_inversion", image.inversion.map { .integer($0) } ?? .null),
      ("orientation", image.orientation.map { .integer($0) } ?? .null),
    ])
    if let remark = image.remark { line["file"] = .string(remark) }
    text += try JSONValue.object(line).serialized() + "\n"
  }

  /// Adds those of a later shard.
  mutating func append(_ other: ImageRemarks) {
    text += other.text
    inversions += other.inversions
    orientations += other.orientations
    files += other.files
  }

  /// Images by what is odd about them, for people.
  package struct First: Equatable {
    package var inversions: [String] = [], orientations: [String] = [], files: [String] = []
  }

  /// The first images of each kind in a text of remarks, for people.
  package static func first(of text: String, limit: Int = 3) -> ImageRemarks.First {
    var first = First()
    for line in text.split(separator: "\n") {
      guard let line = try? JSONValue.parse(String(line), source: ShardFormat.remarks), let path = line["path"]?.string
      else { continue }
      if let excess = line["suspected_inversion"]?.int, first.inversions.count < limit {
        first.inversions.append("\(path): upper corners brighter than the centre by \(excess)")
      }
      if let tag = line["orientation"]?.int, first.orientations.count < limit {
        first.orientations.append("\(path): \(tag)")
      }
      if let remark = line["file"]?.string, first.files.count < limit { first.files.append("\(path): \(remark)") }
    }
    return first
  }

  /// All of it, for a record.
  var json: JSONValue {
    [
      "inversions": .integer(inversions), "orientations": .integer(orientations), "files": .integer(files),
      "text": .string(text),
    ]
  }

  /// Reads what `json` gives.
  /// - Throws: `CarinaError.badData` naming what is missing or unusable.
  init(_ node: JSONNode) throws {
    inversions = try node["inversions"].count(in: ShardFormat.counts)
    orientations = try node["orientations"].count(in: ShardFormat.counts)
    // Absent from records that hold none.
    files = try node["files"].optional?.count(in: ShardFormat.counts) ?? 0
    text = try node["text"].text()
  }
}
