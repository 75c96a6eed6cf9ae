import Carina
import Foundation
import TestSupport

/// A few images and records on disk: grey ones first, colour ones after, each asked about twice.
struct SmallArchive {
  let directory: TemporaryDirectory
  let goldens: ImageGoldens
  static let images = [
    "grey8.png", "grey.jpg", "grey1.png", "grey-progressive.jpg", "grey4.png", "colour-420.jpg", "rgb8.png", "cmyk.jpg",
    "one-pixel.png", "palette8.png", "grey2.png", "grey-alpha8.png",
  ]

  var records: String { directory.file("records.json") }
  var shards: String { directory.file("shards") }

  /// - Parameter change: may change, add or remove records before they are written.
  init(change: (inout [JSONValue]) -> Void = { _ in }) throws {
    directory = try TemporaryDirectory()
    goldens = try ImageGoldens()
    // Rounds over the images, so that the samples of one image are apart.
    var list: [JSONValue] = (0..<2 * Self.images.count).map { index in
      let image = Self.images[index % Self.images.count]
      return [
        "id": .string("s\(index)"), "image": .string(image), "problem": .string("Question \(index)?"),
        "normal_caption": .string("Antwort \(index) – ä"), "patient": .string("p\(index % Self.images.count / 2)"),
        "answer_type": .string(index % 3 == 0 ? "CLOSED" : "OPEN"), "view": "PA",
      ]
    }
    change(&list)
    try AtomicFile.write(try JSONValue.array(list).serialized(), to: records)
  }

  func options(_ change: (inout PreprocessOptions) -> Void = { _ in }) throws -> PreprocessOptions {
    var options = PreprocessOptions(
      records: records, imageRoots: [goldens.directory], output: shards, transform: try ImageTransform(size: 24))
    options.shardSize = 5
    options.workers = 2
    change(&options)
    return options
  }

  /// Names and bytes of all files in a directory.
  static func contents(_ directory: String) throws -> [String: Data] {
    let files = FileManager.default
    return Dictionary(
      uniqueKeysWithValues: try files.contentsOfDirectory(atPath: directory).map {
        ($0, files.contents(atPath: directory + "/" + $0) ?? Data())
      })
  }
}
