import CarinaRuntime

/// Reads the wire format of protocol buffers: fields with a number and a value, one after the other.
struct ProtobufReader {
  /// The value of one field.
  enum Value {
    case varint(UInt64)
    case fixed64(UInt64)
    case fixed32(UInt32)
    case bytes(Range<Int>)
  }

  private let bytes: UnsafeBufferPointer<UInt8>
  private let source: String
  private let end: Int
  private var offset: Int

  /// A reader of the message in `range`.
  init(_ bytes: UnsafeBufferPointer<UInt8>, range: Range<Int>, source: String) {
    self.bytes = bytes
    self.source = source
    offset = range.lowerBound
    end = range.upperBound
  }

  /// The next field, or nil at the end of the message.
  /// - Throws: `CarinaError.badData` where the message is cut off or not of this format.
  mutating func next() throws -> (field: Int, value: Value)? {
    guard offset < end else { return nil }
    let start = offset
    let tag = try varint()
    let field = Int(truncatingIfNeeded: tag >> 3)
    guard field > 0 else { throw failure("a field without a number", at: start) }
    switch tag & 7 {
    case 0: return (field, .varint(try varint()))
    case 1: return (field, .fixed64(try fixed(8)))
    case 2:
      let length = try varint()
      guard length <= UInt64(end - offset) else { throw failure("a field is longer than its message", at: start) }
      let range = offset..<offset + Int(length)
      offset = range.upperBound
      return (field, .bytes(range))
    case 5: return (field, .fixed32(UInt32(truncatingIfNeeded: try fixed(4))))
    default: throw failure("a field of wire type \(tag & 7)", at: start)
    }
  }

  private mutating func varint() throws -> UInt64 {
    var value: UInt64 = 0
    let start = offset
    for shift in stride(from: 0, through: 63, by: 7) {
      guard offset < end else { throw failure("it ends within a number", at: start) }
      let byte = bytes[offset]
      offset += 1
      value |= UInt64(byte & 0x7F) << UInt64(shift)
      if byte < 0x80 { return value }
    }
    throw failure("a number of more than ten bytes", at: start)
  }

  private mutating func fixed(_ count: Int) throws -> UInt64 {
    guard offset + count <= end else { throw failure("it ends within a number", at: offset) }
    var value: UInt64 = 0
    for index in 0..<count { value |= UInt64(bytes[offset + index]) << UInt64(8 * index) }
    offset += count
    return value
  }

  private func failure(_ what: String, at position: Int) -> CarinaError {
    CarinaError(
      .badData, "not a SentencePiece model, or cut off: \(what)", at: "\(source), byte \(position)",
      remedy: "Compare the size of the file with its source.")
  }
}
