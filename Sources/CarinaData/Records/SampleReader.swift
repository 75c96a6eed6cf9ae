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

  /// The error for an object that goes on behind its first line, as `json.dump(…, indent=…)` writes it; nil for one
  /// that ends in it, and for one that breaks off elsewhere than between values.
  private static func severalLines(_ line: Data, path: String) -> CarinaError? {
    var (depth, isText, isEscaped, last) = (0, false, false, UInt8(ascii: "{"))
    for byte in line where byte != 0x20 && !(0x09...0x0d).contains(byte) {
      last = byte
      if isText {
        if byte == UInt8(ascii: "\""), !isEscaped { isText = false }
        isEscaped = byte == UInt8(ascii: "\\") && !isEscaped
        continue
      }
      switch byte {
      case UInt8(ascii: "\""): isText = true
      case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
      default: break
      }
      if depth == 0 { return nil }
    }
    guard !isText, [UInt8(ascii: "{"), UInt8(ascii: ","), UInt8(ascii: "[")].contains(last) else { return nil }
    return CarinaError(
      .badData, "holds an object that goes over several lines", at: path,
      expected: "a JSON list of objects, or JSON Lines with one whole object a line",
      remedy:
        "If the records are a list inside this object, save that list alone; if each record has several lines, put "
        + "them into one list.")
  }
}
