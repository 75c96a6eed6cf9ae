/// A type that settings can have.
public protocol SettingValue: Equatable, Sendable {
  /// The value in a record.
  var json: JSONValue { get }
  /// The value in a sentence.
  var text: String { get }
}

extension Int: SettingValue {
  /// A JSON integer.
  public var json: JSONValue { .integer(self) }
}

extension UInt64: SettingValue {
  /// A JSON string, because JSON numbers do not reach so far.
  public var json: JSONValue { .string(String(self)) }
}

extension Double: SettingValue {
  /// A JSON number.
  public var json: JSONValue { .number(self) }
}

extension Bool: SettingValue {
  /// A JSON boolean.
  public var json: JSONValue { .bool(self) }
}

extension String: SettingValue {
  /// A JSON string.
  public var json: JSONValue { .string(self) }
}

extension SettingValue {
  /// Swift's description of the value.
  public var text: String { "\(self)" }
}

extension SettingValue where Self: CustomStringConvertible {
  /// The description as a JSON string.
  public var json: JSONValue { .string(description) }
}

extension SettingValue where Self: RawRepresentable<String> {
  /// The raw value as a JSON string.
  public var json: JSONValue { .string(rawValue) }
  /// The raw value.
  public var text: String { rawValue }
}

extension Optional: SettingValue where Wrapped: SettingValue {
  /// JSON's null for nil.
  public var json: JSONValue { self?.json ?? .null }
  /// `none` for nil.
  public var text: String { self?.text ?? "none" }
}
