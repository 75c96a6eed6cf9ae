import Carina
import Foundation
import Testing

/// What Python makes of the numbers, tables and texts of records: written by `Tests/Reference/make_record_goldens.py`.
struct RecordGoldens {
  let json: JSONValue

  init() throws {
    json = try JSONValue.parseFile(
      #require(Bundle.module.url(forResource: "Goldens/data/records", withExtension: "json")).path)
  }

  func list(_ key: String) throws -> [JSONValue] { try #require(json[key]?.array) }

  static func texts(_ value: JSONValue?) throws -> [String] { try #require(value?.array).compactMap(\.string) }

  static func bytes(_ value: JSONValue) throws -> Data {
    try #require(value["bytes"]?.string.flatMap { Data(base64Encoded: $0) })
  }
}
