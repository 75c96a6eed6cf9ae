/// A length of time as users write it: `30s`, `10min`, `2h`; `never` and `0` are none.
///
/// A text that is no such thing is kept, so that a refusal can show it: `isUnderstood` tells.
public struct TimeSpan: SettingValue {
  /// What the user wrote.
  public let text: String
  /// How long; nil for none, and for a text that is not understood.
  package let seconds: Double?
  /// Whether the text is a length of time, or none.
  package let isUnderstood: Bool

  private static let units: [(name: String, seconds: Double)] = [("s", 1), ("min", 60), ("h", 3600)]

  /// Reads a text.
  public init(_ text: String) {
    self.text = text
    let number = text.prefix { ("0"..."9").contains($0) || $0 == "." }
    let unit = TimeSpan.units.first { $0.name == text.dropFirst(number.count) }?.seconds
    let length = Double(number).flatMap { number in unit.map { number * $0 } }
    isUnderstood = text == "never" || text == "0" || length?.isFinite == true
    seconds = length.flatMap { $0.isFinite && $0 > 0 ? $0 : nil }
  }

  /// The text in a record.
  public var json: JSONValue { .string(text) }
}
