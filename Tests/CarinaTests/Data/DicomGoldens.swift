import Carina
import Foundation
import Testing

/// Files in DICOM's form, and what pydicom and numpy make of them.
struct DicomGoldens {
  let facts: JSONValue
  private let directory: String

  init() throws {
    let url = try #require(Bundle.module.url(forResource: "Goldens/data/dicom/dicom", withExtension: "json"))
    facts = try JSONValue.parseFile(url.path)
    directory = url.deletingLastPathComponent().path
  }

  func path(_ name: String) -> String { directory + "/" + name }

  func bytes(_ name: String) throws -> [UInt8] { try ImageDecoder.bytes(ofFileAt: path(name)) }
}
