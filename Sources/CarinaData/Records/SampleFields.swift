import CarinaRuntime

/// The fields of one object, as texts without white space around them.
struct SampleFields {
  let object: JSONObject
  let source: String

  /// - Throws: `CarinaError.badData` when the value is no object.
  init(_ value: JSONValue, source: String) throws {
    guard let object = value.object else {
      throw CarinaError(.badData, "is no object", at: source, expected: "an object", found: value.kindName)
    }
    (self.object, self.source) = (object, source)
  }

  func has(_ key: String) -> Bool { !(object[key] ?? .null).isNull }

  func path(_ key: String) throws -> String {
    let path = try required(key)
    guard !path.isEmpty else { throw CarinaError(.badData, "\"\(key)\" is empty", at: source) }
    return path
  }

  func required(_ key: String, remedy: String? = nil) throws -> String {
    guard let text = try optional(key) else {
      throw CarinaError(
        .badData, "the key \"\(key)\" is missing", at: source, found: "the keys \(object.keys.joined(separator: ", "))",
        remedy: remedy)
    }
    return text
  }

  /// A text, or a number written as text; nil when the key is absent or null.
  func optional(_ key: String) throws -> String? {
    switch object[key] ?? .null {
    case .null: return nil
    case .string(let text): return SampleFields.trimmed(text)
    case .integer(let number): return String(number)
    case .number(let number): return String(number)
    case let other:
      throw CarinaError(
        .badData, "\"\(key)\" is of another kind", at: source, expected: "a text or a number", found: other.kindName)
    }
  }

  private static func trimmed(_ text: String) -> String {
    let start = text.firstIndex { !$0.isWhitespace } ?? text.endIndex
    let end = text.lastIndex { !$0.isWhitespace }.map(text.index(after:)) ?? start
    return String(text[start..<end])
  }
}
