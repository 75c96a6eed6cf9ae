import CarinaRuntime
import Foundation

/// Reads a file of records: a JSON list, or JSON Lines with one object a line.
package enum SampleReader {
  /// All records, in the order of the file.
  ///
  /// A repeated id gets `#2`, `#3`, … so that ids name one sample each: many archives put the image's name there.
  /// - Throws: `CarinaError.missingInput` when there is no such file; `.badData` when it is neither form, is empty, or a
  ///   sample is unusable, with file, sample and key.
  package static func read(_ path: String, format: SampleFormat = .carina) throws -> [SampleRecord] {
    guard format == .carina || format == .vqaRad else { return try ArchiveReader.read(path, format: format).records }
    var records: [SampleRecord] = []
    try forEach(path) { value, index, location in
      records.append(try format.record(value, index: index, source: location))
    }
    return unique(records)
  }

  /// Calls `body` with every value of a file of records, its index, and its location in words for errors.
  /// - Throws: as `read`.
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

  /// SHA-256 of a file of records.
  package static func digest(_ path: String) throws -> String { try SHA256Digest.ofFile(path) }

  static func unique(_ records: [SampleRecord]) -> [SampleRecord] {
    var names = UniqueNames()
    return records.map { record in
      var record = record
      record.id = names.unique(record.id)
      return record
    }
  }
}
