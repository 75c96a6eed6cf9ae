import Foundation

/// Reads a file of records: a JSON list, or JSON Lines with one object a line.
public enum SampleReader {
  /// All records, in the order of the file.
  ///
  /// A repeated id gets `#2`, `#3`, … so that ids name one sample each: many archives put the image's name there.
  /// - Throws: `CarinaError.missingInput` when there is no such file; `.badData` when it is neither form, is empty, or a
  ///   sample is unusable, with file, sample and key.
  public static func read(_ path: String, format: SampleFormat = .carina) throws -> [SampleRecord] {
    guard format == .carina || format == .vqaRad else { return try ArchiveReader.read(path, format: format).records }
    var records: [SampleRecord] = []
    try forEach(path) { value, index, place in
      records.append(try format.record(value, index: index, source: place))
    }
    return unique(records)
  }

  /// Calls `body` with every value of a file of records, its place among them, and words for it in errors.
  /// - Throws: as `read`.
  static func forEach(_ path: String, _ body: (_ value: JSONValue, _ index: Int, _ place: String) throws -> Void) throws
  {
    let data = try file(path)
    let first = data.first { !($0 == 0x20 || (0x09...0x0d).contains($0)) }
    var count = 0
    switch first {
    case UInt8(ascii: "["): try list(data, path, &count, body)
    case UInt8(ascii: "{"): try lines(data, path, &count, body)
    default:
      throw CarinaError(
        .badData, "holds no records", at: path, expected: "a JSON list of objects, or JSON Lines",
        found: first == nil ? "an empty file" : "something else")
    }
    guard count > 0 else { throw CarinaError(.badData, "holds no records", at: path, found: "an empty list") }
  }

  /// SHA-256 of a file of records.
  public static func digest(_ path: String) throws -> String { try SHA256Digest.ofFile(path) }

  private static func file(_ path: String) throws -> Data {
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), !isDirectory.boolValue else {
      throw CarinaError(
        .missingInput, isDirectory.boolValue ? "is a directory" : "there is no such file", at: path,
        expected: "a file of records")
    }
    guard let data = FileManager.default.contents(atPath: path) else {
      throw CarinaError(.missingInput, "cannot be read", at: path, remedy: "Check its permissions.")
    }
    return data
  }

  private static func list(
    _ data: Data, _ path: String, _ count: inout Int, _ body: (JSONValue, Int, String) throws -> Void
  ) throws {
    for value in try JSONValue.parse(data, source: path).array ?? [] {
      try body(value, count, "\(path), sample \(count)")
      count += 1
    }
  }

  private static func lines(
    _ data: Data, _ path: String, _ count: inout Int, _ body: (JSONValue, Int, String) throws -> Void
  ) throws {
    var number = 0
    for line in data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      number += 1
      guard line.contains(where: { !($0 == 0x20 || (0x09...0x0d).contains($0)) }) else { continue }
      let place = "\(path), line \(number)"
      try body(try JSONValue.parse(Data(line), source: place), count, "\(place), sample \(count)")
      count += 1
    }
  }

  static func unique(_ records: [SampleRecord]) -> [SampleRecord] {
    var taken = Set<String>(minimumCapacity: records.count)
    var repeats: [String: Int] = [:]
    return records.map { record in
      var record = record
      let id = record.id
      while !taken.insert(record.id).inserted {
        repeats[id, default: 1] += 1
        record.id = "\(id)#\(repeats[id] ?? 2)"
      }
      return record
    }
  }
}
