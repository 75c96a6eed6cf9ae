import CarinaRuntime
import Foundation

/// Reads a file of records: a JSON list, or JSON Lines with one object a line.
enum SampleReader {
  /// Calls `body` with every value of a file of records, its index, and its location in words for errors.
  /// - Throws: `CarinaError.missingInput` when there is no such file, `.badData` when it is neither form or is empty,
  ///   and what `body` throws.
  static func forEach(_ path: String, _ body: (_ value: JSONValue, _ index: Int, _ location: String) throws -> Void)
    throws
  {
    let window = try ByteWindow(path)
    var count = 0
    switch try window.firstMark() {
    case UInt8(ascii: "["):
      try window.elements { value in
        try body(value, count, "\(path), sample \(count)")
        count += 1
      }
    case UInt8(ascii: "{"):
      try window.lines { line, number in
        let location = "\(path), line \(number)"
        try body(try JSONValue.parse(line, source: location), count, "\(location), sample \(count)")
        count += 1
      }
    case let first:
      throw CarinaError(
        .badData, "holds no records", at: path, expected: "a JSON list of objects, or JSON Lines",
        found: first == nil ? "an empty file" : "something else")
    }
    guard count > 0 else { throw CarinaError(.badData, "holds no records", at: path, found: "an empty list") }
  }
}
