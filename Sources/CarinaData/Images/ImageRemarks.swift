import CarinaRuntime

/// What is odd about stored images, as lines of `remarks.jsonl`. Nothing is changed because of it.
package struct ImageRemarks: Equatable {
  private(set) var text = ""
  /// Images whose grey may be the wrong way round.
  private(set) var inversions = 0
  /// Images with a tag that says they are not upright.
  private(set) var orientations = 0

  init() {}

  /// Notes what is odd about an image, if anything is.
  mutating func add(_ id: String, _ image: InspectedImage) throws {
    guard image.inversion != nil || image.orientation != nil else { return }
    inversions += image.inversion == nil ? 0 : 1
    orientations += image.orientation == nil ? 0 : 1
    let line: JSONValue = [
      "path": .string(id), "suspected_inversion": image.inversion.map { .integer($0) } ?? .null,
      "orientation": image.orientation.map { .integer($0) } ?? .null,
    ]
    text += try line.serialized() + "\n"
  }

  /// Adds those of a later shard.
  mutating func append(_ other: ImageRemarks) {
    text += other.text
    inversions += other.inversions
    orientations += other.orientations
  }

  /// The first images of each kind in a text of remarks, for people.
  package static func first(of text: String, limit: Int = 3) -> (inversions: [String], orientations: [String]) {
    var (inversions, orientations) = ([String](), [String]())
    for line in text.split(separator: "\n") {
      guard let line = try? JSONValue.parse(String(line), source: ShardFormat.remarks), let path = line["path"]?.string
      else { continue }
      if let excess = line["suspected_inversion"]?.int, inversions.count < limit {
        inversions.append("\(path): upper corners brighter than the centre by \(excess)")
      }
      if let tag = line["orientation"]?.int, orientations.count < limit { orientations.append("\(path): \(tag)") }
      if inversions.count == limit && orientations.count == limit { break }
    }
    return (inversions, orientations)
  }

  /// All of it, for a record.
  var json: JSONValue {
    ["inversions": .integer(inversions), "orientations": .integer(orientations), "text": .string(text)]
  }

  /// Reads what `json` gives.
  /// - Throws: `CarinaError.badData` naming what is missing or unusable.
  init(_ node: JSONNode) throws {
    inversions = try node["inversions"].count(in: ShardFormat.counts)
    orientations = try node["orientations"].count(in: ShardFormat.counts)
    text = try node["text"].text()
  }
}
