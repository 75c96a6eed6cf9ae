import CarinaRuntime
import Foundation

/// The header of a safetensors file: 8 bytes of length (little-endian), that many bytes of JSON, then the tensors
/// without gaps.
///
/// Everything is checked that the format promises, so that whoever holds an entry may read its bytes unseen.
struct SafetensorsHeader {
  let entries: [SafetensorsEntry]
  let metadata: [String: String]

  /// What the reference library takes at most.
  private static let largestByteCount = 100_000_000

  /// Reads and checks the header of the `bytes` of a whole file; `source` names it in errors.
  init(_ bytes: UnsafeRawBufferPointer, source: String) throws {
    let json = try SafetensorsHeader.json(bytes, source: source)
    guard let object = json.document.object else {
      throw CarinaError(
        .badData, "the safetensors header is no JSON object", at: source, found: json.document.kindName)
    }
    var entries = [SafetensorsEntry]()
    var metadata = [String: String]()
    for (name, value) in object {
      if name == "__metadata__" {
        metadata = try SafetensorsHeader.metadata(value, source: source)
      } else {
        entries.append(
          try SafetensorsHeader.entry(name, value, dataStart: json.byteCount + 8, end: bytes.count, source: source))
      }
    }
    entries.sort {
      ($0.byteRange.lowerBound, $0.byteRange.upperBound) < ($1.byteRange.lowerBound, $1.byteRange.upperBound)
    }
    try SafetensorsHeader.checkCoverage(entries, from: json.byteCount + 8, to: bytes.count, source: source)
    self.entries = entries
    self.metadata = metadata
  }

  private static func json(
    _ bytes: UnsafeRawBufferPointer, source: String
  ) throws -> (document: JSONValue, byteCount: Int) {
    guard bytes.count >= 8 else {
      throw CarinaError(
        .badData, "is too short for a safetensors file", at: source, expected: "at least 8 bytes",
        found: "\(bytes.count)", remedy: "Fetch or write the file again.")
    }
    if let refusal = LargeFilePointer.refusal(bytes, source: source) { throw refusal }
    let length = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
    guard length <= UInt64(bytes.count - 8) else {
      throw CarinaError(
        .badData, "the safetensors header is longer than the file", at: source,
        expected: "at most \(bytes.count - 8) bytes", found: "\(length)",
        remedy: "The file is cut short or of another format; fetch it again.")
    }
    guard length <= UInt64(largestByteCount) else {
      throw CarinaError(
        .badData, "the safetensors header is too long to be one", at: source,
        expected: "at most \(largestByteCount) bytes", found: "\(length)")
    }
    let count = Int(length)
    let text = Data(UnsafeRawBufferPointer(rebasing: bytes[8..<(8 + count)]))
    return (try JSONValue.parse(text, source: "\(source) (header)"), count)
  }

  private static func metadata(_ value: JSONValue, source: String) throws -> [String: String] {
    guard let object = value.object else {
      throw CarinaError(
        .badData, "__metadata__ of the safetensors header is no object", at: source, found: value.kindName)
    }
    var result = [String: String]()
    for (key, value) in object {
      guard let text = value.string else {
        throw CarinaError(.badData, "__metadata__.\(key) is no text", at: source, found: value.kindName)
      }
      result[key] = text
    }
    return result
  }

  private static func entry(
    _ name: String, _ value: JSONValue, dataStart: Int, end: Int, source: String
  ) throws -> SafetensorsEntry {
    let location = "\(source), tensor \(name)"
    guard let elementName = value["dtype"]?.string else {
      throw CarinaError(.badData, "the safetensors header gives no dtype", at: location)
    }
    guard let element = SafetensorsElement(rawValue: elementName) else {
      throw CarinaError(
        .badData, "the dtype is unknown", at: location,
        expected: "one of \(SafetensorsElement.allCases.map(\.rawValue).joined(separator: ", "))", found: elementName)
    }
    guard let dimensions = value["shape"]?.array?.map(\.int) else {
      throw CarinaError(.badData, "the safetensors header gives no shape", at: location)
    }
    var shape = [Int]()
    var bitCount = element.bitCount
    var overflows = false
    for dimension in dimensions {
      guard let dimension, dimension >= 0 else {
        throw CarinaError(.badData, "a dimension is no whole number", at: location)
      }
      shape.append(dimension)
      let product = bitCount.multipliedReportingOverflow(by: max(dimension, 1))
      overflows = overflows || product.overflow
      bitCount = product.partialValue
    }
    // With a zero in it as well, as sizes are multiplied later in any order.
    guard !overflows else {
      throw CarinaError(.badData, "the shape \(shape) has more elements than memory has bytes", at: location)
    }
    if shape.contains(0) { bitCount = 0 }
    guard let offsets = value["data_offsets"]?.array, offsets.count == 2, let first = offsets[0].int,
      let last = offsets[1].int, first >= 0, first <= last
    else {
      throw CarinaError(
        .badData, "data_offsets are not two ascending byte positions", at: location,
        found: value["data_offsets"]?.shown ?? "nothing")
    }
    guard last <= end - dataStart else {
      throw CarinaError(
        .badData, "the tensor's bytes lie beyond the end of the file", at: location,
        expected: "at most \(end - dataStart) bytes of data", found: "an end at \(last)",
        remedy: "The file is cut short; fetch or write it again.")
    }
    guard bitCount % 8 == 0, last - first == bitCount / 8 else {
      throw CarinaError(
        .badData, "the shape \(shape) of \(elementName) and data_offsets disagree", at: location,
        expected: bitCount % 8 == 0 ? "\(bitCount / 8) bytes" : "\(bitCount) bits", found: "\(last - first) bytes")
    }
    return SafetensorsEntry(
      name: name, element: element, shape: shape, byteRange: (dataStart + first)..<(dataStart + last))
  }

  /// Every byte of the data belongs to exactly one tensor.
  private static func checkCoverage(
    _ entries: [SafetensorsEntry], from start: Int, to end: Int, source: String
  ) throws {
    var offset = start
    var previous: SafetensorsEntry?
    for entry in entries {
      if entry.byteRange.lowerBound < offset {
        throw CarinaError(
          .badData, "the bytes of \(previous?.name ?? "") and \(entry.name) overlap", at: source,
          expected: "a start at \(offset - start) or later", found: "\(entry.byteRange.lowerBound - start)")
      }
      guard entry.byteRange.lowerBound == offset else {
        throw CarinaError(
          .badData, "the bytes before \(entry.name) belong to no tensor", at: source,
          expected: "a start at \(offset - start)", found: "\(entry.byteRange.lowerBound - start)")
      }
      offset = entry.byteRange.upperBound
      previous = entry
    }
    guard offset == end else {
      throw CarinaError(
        .badData, "the last bytes belong to no tensor", at: source, expected: "\(offset) bytes in all", found: "\(end)")
    }
  }
}
