import CarinaRuntime
import Foundation
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
        if count == 0, let refusal = severalLines(line, path: path) { throw refusal }
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

  /// The error for an object that goes on behind its first line, as `json.dump(…, indent=…)` writes it; nil for one that
  /// may end in it.
  private static func severalLines(_ line: Data, path: String) -> CarinaError? {
    let last = line.last { $0 != 0x20 && !(0x09...0x0d).contains($0) }
    guard last == UInt8(ascii: "{") || last == UInt8(ascii: ",") || last == UInt8(ascii: "[") else { return nil }
    return CarinaError(
      .badData, "holds an object that goes over several lines", at: path,
      expected: "a JSON list of objects, or JSON Lines with one whole object a line",
      remedy:
        "If the records are a list inside this object, save that list alone; if each record has several lines, put "
        + "them into one list.")
  }
}
