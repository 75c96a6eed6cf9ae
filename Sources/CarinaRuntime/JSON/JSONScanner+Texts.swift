extension JSONScanner {
  /// The text that begins here, with its escapes resolved.
  package mutating func string() throws -> String {
    let start = offset
    let text = try stringBytes { String(validating: $0, as: UTF8.self) }
    guard let text else { throw failure("a text is not valid UTF-8", at: start) }
    return text
  }

  /// Hands the bytes of the text that begins here, at its opening quote to `body`, escapes resolved.
  ///
  /// Without escapes they are the document's own bytes, not copied. They are not checked to be UTF-8.
  @inline(__always)
  package mutating func stringBytes<Result>(_ body: (UnsafeBufferPointer<UInt8>) throws -> Result) throws -> Result {
    guard try peek() == UInt8(ascii: "\"") else { throw failure("a text belongs here", found: shown()) }
    let start = offset
    offset += 1
    let first = offset
    while offset < bytes.count {
      let byte = bytes[offset]
      if byte == UInt8(ascii: "\"") {
        let result = try body(UnsafeBufferPointer(rebasing: bytes[first..<offset]))
        offset += 1
        return result
      }
      if byte == UInt8(ascii: "\\") {
        let resolved = try bytesWithEscapes(from: first, quote: start)
        return try resolved.withUnsafeBufferPointer(body)
      }
      guard byte >= 0x20 else { throw failure("a control character must be escaped in a text", found: shown()) }
      offset += 1
    }
    throw failure("a text without a closing quote", at: start)
  }

  /// The slow path: copies into a buffer because an escape was met.
  private mutating func bytesWithEscapes(from first: Int, quote: Int) throws -> [UInt8] {
    var buffer = [UInt8](bytes[first..<offset])
    while offset < bytes.count {
      let byte = bytes[offset]
      switch byte {
      case UInt8(ascii: "\""):
        offset += 1
        return buffer
      case UInt8(ascii: "\\"):
        offset += 1
        try escape(into: &buffer)
      case 0..<0x20:
        throw failure("a control character must be escaped in a text", found: shown())
      default:
        buffer.append(byte)
        offset += 1
      }
    }
    throw failure("a text without a closing quote", at: quote)
  }

  private mutating func escape(into buffer: inout [UInt8]) throws {
    guard offset < bytes.count else { throw failure("the document ends early") }
    let byte = bytes[offset]
    offset += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): buffer.append(byte)
    case UInt8(ascii: "b"): buffer.append(0x08)
    case UInt8(ascii: "f"): buffer.append(0x0C)
    case UInt8(ascii: "n"): buffer.append(0x0A)
    case UInt8(ascii: "r"): buffer.append(0x0D)
    case UInt8(ascii: "t"): buffer.append(0x09)
    case UInt8(ascii: "u"): buffer.append(contentsOf: String(try escapedScalar()).utf8)
    default:
      offset -= 1
      throw failure("unknown escape in a text", expected: "one of \" \\ / b f n r t u", found: shown())
    }
  }

  /// The scalar of `\uXXXX`, or of a surrogate pair of two of them; the scanner stands behind the first `u`.
  private mutating func escapedScalar() throws -> Unicode.Scalar {
    let start = offset - 2
    let unit = try hexadecimalUnit()
    if let scalar = Unicode.Scalar(unit) { return scalar }
    if unit < 0xDC00, offset + 1 < bytes.count, bytes[offset] == UInt8(ascii: "\\"),
      bytes[offset + 1] == UInt8(ascii: "u")
    {
      offset += 2
      let low = try hexadecimalUnit()
      if low >= 0xDC00, low < 0xE000,
        let scalar = Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00))
      {
        return scalar
      }
    }
    throw failure("half of a surrogate pair stands alone in a text", at: start)
  }

  private mutating func hexadecimalUnit() throws -> UInt32 {
    var unit: UInt32 = 0
    for _ in 0..<4 {
      guard offset < bytes.count else { throw failure("the document ends early") }
      let digit: UInt8
      switch bytes[offset] {
      case let byte where byte >= 0x30 && byte <= 0x39: digit = byte - 0x30
      case let byte where byte >= 0x41 && byte <= 0x46: digit = byte - 0x41 + 10
      case let byte where byte >= 0x61 && byte <= 0x66: digit = byte - 0x61 + 10
      default: throw failure("\\u needs four hexadecimal digits", found: shown())
      }
      unit = unit << 4 | UInt32(digit)
      offset += 1
    }
    return unit
  }
}
