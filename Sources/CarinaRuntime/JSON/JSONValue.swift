import Foundation

/// A JSON document (RFC 8259): objects keep the order of their keys, integers stay integers, of any length.
///
/// `NaN`, `Infinity` and `-Infinity`, which Python writes, are read as numbers that are neither `int` nor `double`.
/// Texts are equal where their bytes are.
///
/// ```swift
/// let answer = try JSONValue.parse(#"{"id": "a1", "tokens": 3}"#, source: "answers.jsonl")
/// answer["tokens"]?.int  // 3
/// let line: JSONValue = ["id": "a2", "tokens": 5]
/// try line.serialized()  // {"id": "a2", "tokens": 5}
/// ```
public enum JSONValue: Sendable {
  /// The literal `null`.
  case null
  /// `true` or `false`.
  case bool(Bool)
  /// A number written without fraction and exponent that fits 64 bits.
  case integer(Int)
  /// A whole number beyond 64 bits: its digits, behind a minus where it is negative.
  case digits(String)
  /// Any other number; may be NaN or infinite.
  case number(Double)
  /// A text.
  case string(String)
  /// A list.
  case array([JSONValue])
  /// Names and values in their order.
  case object(JSONObject)

  /// Reads a document from bytes; `source` names them in errors.
  /// - Throws: `CarinaError.badData` with line, column and byte.
  public static func parse(_ data: Data, source: String) throws -> JSONValue {
    try data.withUnsafeBytes { try JSONParser.document($0, source: source) }
  }

  /// Reads a document from a text; `source` names it in errors.
  /// - Throws: `CarinaError.badData` with line, column and byte.
  public static func parse(_ text: String, source: String) throws -> JSONValue {
    try parse(Data(text.utf8), source: source)
  }

  /// Reads the document in a file, which may be compressed by gzip.
  /// - Throws: `CarinaError.missingInput` when the file is absent or unreadable, `.badData` when it is no plain file,
  ///   longer than the limit, or not JSON.
  public static func parseFile(_ path: String) throws -> JSONValue { try parseFile(path, limit: .document) }

  /// The same for a document that may be longer or shorter than usual.
  package static func parseFile(_ path: String, limit: InputLimit) throws -> JSONValue {
    try parse(TextFile.bytes(path, limit: limit), source: path)
  }

  /// The value of a name; nil when this is no object or has no such name.
  public subscript(_ key: String) -> JSONValue? { object?[key] }

  /// The element at an index; nil when this is no list or is shorter.
  public subscript(_ index: Int) -> JSONValue? {
    guard case .array(let elements) = self, elements.indices.contains(index) else { return nil }
    return elements[index]
  }

  /// The text, if this is one.
  public var string: String? { if case .string(let text) = self { text } else { nil } }

  /// The integer, if this is one or a number without a fractional part.
  public var int: Int? {
    switch self {
    case .integer(let value): value
    case .number(let value): Int(exactly: value)
    default: nil
    }
  }

  /// The number, integer or not, if this is one; neither NaN nor an infinity is.
  public var double: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .digits(let digits): Double(digits).flatMap { $0.isFinite ? $0 : nil }
    case .number(let value): value.isFinite ? value : nil
    default: nil
    }
  }

  /// The truth value, if this is one.
  public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }

  /// The elements, if this is a list.
  public var array: [JSONValue]? { if case .array(let elements) = self { elements } else { nil } }

  /// The names and values, if this is an object.
  public var object: JSONObject? { if case .object(let object) = self { object } else { nil } }

  /// Whether this is `null`.
  public var isNull: Bool { if case .null = self { true } else { false } }

  /// What this is, in words, for error texts.
  public var kindName: String {
    switch self {
    case .null: "null"
    case .bool: "a truth value"
    case .integer, .digits: "an integer"
    case .number(let value): value.isNaN ? "NaN" : value.isFinite ? "a number" : value > 0 ? "Infinity" : "-Infinity"
    case .string: "a text"
    case .array: "a list"
    case .object: "an object"
    }
  }
}

extension JSONValue: Equatable {
  /// Equal kinds with equal content, texts byte by byte.
  public static func == (left: JSONValue, right: JSONValue) -> Bool {
    switch (left, right) {
    case (.null, .null): true
    case (.bool(let left), .bool(let right)): left == right
    case (.integer(let left), .integer(let right)): left == right
    case (.number(let left), .number(let right)): left == right
    case (.digits(let left), .digits(let right)): left == right
    case (.string(let left), .string(let right)): left.isExactly(right)
    case (.array(let left), .array(let right)): left == right
    case (.object(let left), .object(let right)): left == right
    default: false
    }
  }
}

extension JSONValue: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByFloatLiteral, ExpressibleByStringLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  /// The literal `nil` is `null`.
  public init(nilLiteral: ()) { self = .null }
  /// `true` or `false`.
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  /// A whole number stays an integer.
  public init(integerLiteral value: Int) { self = .integer(value) }
  /// A number with a point or an exponent.
  public init(floatLiteral value: Double) { self = .number(value) }
  /// A text in quotes.
  public init(stringLiteral value: String) { self = .string(value) }
  /// A list in brackets.
  public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  /// An object; its names keep the order in which they are written.
  public init(dictionaryLiteral elements: (String, JSONValue)...) { self = .object(JSONObject(elements)) }
}
