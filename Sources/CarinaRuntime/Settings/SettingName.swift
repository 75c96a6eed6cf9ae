/// What a setting is called: `learning_rate` in records and in the library, `--learning-rate` on a command line.
///
/// Interpolated into a text it is written as this process spells settings, see `SettingSpelling`:
/// `"Lower \(setting: .learningRate)"`.
public struct SettingName: Hashable, Sendable, CustomStringConvertible {
  /// The key in snake case, as it stands in records.
  public let key: String
  /// Whether the text speaks of a switch that is turned off.
  public private(set) var isOff = false

  /// The name of the setting with this key.
  public init(_ key: String) { self.key = key }

  /// The name of a switch, for texts that speak of turning it off.
  package var off: SettingName {
    var name = self
    name.isOff = true
    return name
  }

  /// As this process spells it.
  public var description: String { SettingSpelling.current.text(self) }
}

extension DefaultStringInterpolation {
  /// Writes the name of a setting as this process spells it.
  package mutating func appendInterpolation(setting name: SettingName) { appendLiteral(name.description) }
}
