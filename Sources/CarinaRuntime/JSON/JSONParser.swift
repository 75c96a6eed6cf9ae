/// A strict RFC 8259 reader over bytes in memory: one pass, no intermediate tree of tokens. Beyond the standard it takes
/// the three words that Python writes for numbers that are not finite.
package struct JSONParser {
  /// Lists and objects may nest this deep; a deeper document is refused instead of exhausting the stack.
  static let maximumDepth = 512

  package var scanner: JSONScanner

  /// Reads on from where the scanner stands.
  package init(scanner: JSONScanner) { self.scanner = scanner }

  /// The one value that the bytes hold, with nothing but white space around it.
  package static func document(
    _ bytes: UnsafeRawBufferPointer, source: String, origin: JSONScanner.Origin = JSONScanner.Origin()
  ) throws -> JSONValue {
    if origin.byte == 0, let refusal = ForeignEncoding.refusal(bytes.prefix(4), source: source) { throw refusal }
    var parser = JSONParser(scanner: JSONScanner(bytes, source: source, origin: origin))
    let value = try parser.value(depth: 0)
    try parser.scanner.expectEnd()
    return value
  }

  /// The value at the scanner's offset; the scanner then stands behind it.
  package mutating func value(depth: Int) throws -> JSONValue {
    switch try scanner.peek() {
    case UInt8(ascii: "{"): return try .object(object(depth: depth + 1))
    case UInt8(ascii: "["): return try .array(array(depth: depth + 1))
    case UInt8(ascii: "\""): return try .string(scanner.string())
    case UInt8(ascii: "t"):
      try scanner.literal("true")
      return .bool(true)
    case UInt8(ascii: "f"):
      try scanner.literal("false")
      return .bool(false)
    case UInt8(ascii: "n"):
      try scanner.literal("null")
      return .null
    default: return try scanner.number()
    }
  }

  private mutating func object(depth: Int) throws -> JSONObject {
    try checkDepth(depth)
    var object = JSONObject()
    try scanner.object { scanner, key, start in
      var parser = JSONParser(scanner: scanner)
      let value = try parser.value(depth: depth)
      scanner = parser.scanner
      guard object.insert(key, value) else {
        throw scanner.failure("the name \"\(key)\" stands twice in one object", at: start)
      }
    }
    return object
  }

  private mutating func array(depth: Int) throws -> [JSONValue] {
    try checkDepth(depth)
    var elements = [JSONValue]()
    try scanner.array { scanner in
      var parser = JSONParser(scanner: scanner)
      elements.append(try parser.value(depth: depth))
      scanner = parser.scanner
    }
    return elements
  }

  private func checkDepth(_ depth: Int) throws {
    guard depth <= Self.maximumDepth else {
      throw scanner.failure("lists and objects nest more than \(Self.maximumDepth) deep")
    }
  }
}
