import Carina
import Foundation
import Testing

/// What Pillow makes of the images in Goldens/data/images, and of pixels made by a formula.
struct ImageGoldens {
  let json: JSONValue
  let directory: String

  init() throws {
    let url = try #require(Bundle.module.url(forResource: "Goldens/data/images", withExtension: "json"))
    json = try JSONValue.parseFile(url.path)
    directory = url.deletingLastPathComponent().path + "/images"
  }

  /// Names of the images with 8 bits a value and what is known of each; those with 16 have null.
  var images: [(name: String, golden: JSONValue)] {
    (json["images"]?.object.map(Array.init) ?? []).map { (name: $0.key, golden: $0.value) }
  }

  func bytes(_ name: String) throws -> [UInt8] { try ImageDecoder.bytes(ofFileAt: directory + "/" + name) }

  static func digest(_ values: [UInt8]) -> String { SHA256Digest.of(Data(values)) }

  /// Three channels, whatever there were.
  static func rgb(_ values: [UInt8], channels: Int) -> [UInt8] {
    channels == 3 ? values : values.flatMap { [$0, $0, $0] }
  }

  /// Bits 16...23 of a linear congruential generator, as the script that wrote the goldens has them.
  static func noise(_ width: Int, _ height: Int, _ channels: Int) -> [UInt8] {
    var state = UInt32(truncatingIfNeeded: width &* 73_856_093 ^ height &* 19_349_663 ^ channels &* 83_492_791)
    return (0..<width * height * channels).map { _ in
      state = state &* 1_664_525 &+ 1_013_904_223
      return UInt8(truncatingIfNeeded: state >> 16)
    }
  }
}
