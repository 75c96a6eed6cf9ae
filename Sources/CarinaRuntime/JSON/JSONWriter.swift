extension JSONValue {
  /// The document as text: one line `{"a": 1, "b": [1, 2]}`, or indented by two spaces a level.
  ///
  /// The same value gives the same bytes on every machine. A double is written with the fewest digits that read
  /// back as the same double and keeps a point or an exponent, so a number stays a number.
  /// - Parameter sortedKeys: names in the order of their code points instead of the stored one.
  /// - Throws: `CarinaError.internalFailure` for a number that is not finite, with its path.
  public func serialized(sortedKeys: Bool = false, indented: Bool = false) throws -> String {
    var writer = JSONWriter(sortedKeys: sortedKeys, indented: indented)
    try writer.write(self, level: 0)
    return String(decoding: writer.output, as: UTF8.self)
  }

  /// The document on one line for people to read, in errors and tables: as `serialized()`, with numbers that JSON does
  /// not know as `NaN`, `Infinity` and `-Infinity`.
  public var shown: String {
    var writer = JSONWriter(sortedKeys: false, indented: false, allowsNonFinite: true)
    // Nothing else is refused.
    try? writer.write(self, level: 0)
    return String(decoding: writer.output, as: UTF8.self)
  }
}

/// Appends the bytes of a document to a buffer.
struct JSONWriter {
  let sortedKeys: Bool
  let indented: Bool
  /// Whether `NaN`, `Infinity` and `-Infinity` are written, as Python does.
  let allowsNonFinite: Bool
  private(set) var output: [UInt8] = []
  private var path: [String] = []

  init(sortedKeys: Bool, indented: Bool, allowsNonFinite: Bool = false) {
    self.sortedKeys = sortedKeys
    self.indented = indented
    self.allowsNonFinite = allowsNonFinite
  }

  mutating func write(_ value: JSONValue, level: Int) throws {
    switch value {
    case .null: append("null")
    case .bool(let value): append(value ? "true" : "false")
    case .integer(let value): append(String(value))
    case .digits(let digits): append(digits)
    case .number(let value):
      guard value.isFinite else {
        if allowsNonFinite { return append(JSONValue.number(value).kindName) }
        throw CarinaError(
          .internalFailure, "JSON cannot hold the number \(value)", at: path.isEmpty ? nil : path.joined(separator: ".")
        )
      }
      append(value.description)
    case .string(let text): write(text)
    case .array(let elements): try write(elements, level: level)
    case .object(let object): try write(object, level: level)
    }
  }

  private mutating func write(_ elements: [JSONValue], level: Int) throws {
    guard !elements.isEmpty else { return append("[]") }
    append("[")
    for (index, element) in elements.enumerated() {
      separate(isFirst: index == 0, level: level + 1)
      path.append(String(index))
      try write(element, level: level + 1)
      path.removeLast()
    }
    if indented { newLine(level) }
    append("]")
  }

  private mutating func write(_ object: JSONObject, level: Int) throws {
    guard !object.isEmpty else { return append("{}") }
    append("{")
    var order = Array(object.keys.indices)
    if sortedKeys {
      order.sort { object.keys[$0].utf8.lexicographicallyPrecedes(object.keys[$1].utf8) }
    }
    for (index, position) in order.enumerated() {
      separate(isFirst: index == 0, level: level + 1)
      write(object.keys[position])
      append(": ")
      path.append(object.keys[position])
      try write(object.values[position], level: level + 1)
      path.removeLast()
    }
    if indented { newLine(level) }
    append("}")
  }

  private mutating func separate(isFirst: Bool, level: Int) {
    if !isFirst { append(indented ? "," : ", ") }
    if indented { newLine(level) }
  }

  private mutating func newLine(_ level: Int) {
    output.append(0x0A)
    output.append(contentsOf: repeatElement(0x20, count: level * 2))
  }

  private mutating func write(_ text: String) {
    output.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""): append("\\\"")
      case UInt8(ascii: "\\"): append("\\\\")
      case 0x08: append("\\b")
      case 0x09: append("\\t")
      case 0x0A: append("\\n")
      case 0x0C: append("\\f")
      case 0x0D: append("\\r")
      case 0..<0x10: append("\\u000" + String(byte, radix: 16))
      case 0x10..<0x20: append("\\u00" + String(byte, radix: 16))
      default: output.append(byte)
      }
    }
    output.append(UInt8(ascii: "\""))
  }

  private mutating func append(_ text: String) { output.append(contentsOf: text.utf8) }
}
