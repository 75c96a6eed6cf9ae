/// One setting, declared once: its name, its value where nobody says anything, what it may be, what it is for, and
/// whether it decides numbers.
///
/// Parsing, help, refusals, the header of a run, `run.json` and the comparison on resuming are made from the
/// declaration.
public struct Setting<Value: SettingValue>: Sendable {
  /// What it is called.
  public let name: SettingName
  /// The value where nobody says anything.
  public private(set) var defaultValue: Value
  /// One sentence for the help.
  public private(set) var help: String
  /// The program and the part of its help in which it stands.
  public let section: SettingSection
  /// Whether `help` is followed by the default; false where the sentence says it itself.
  public private(set) var showsDefault: Bool
  /// What stands for the value in the help; nil for the setting's name.
  public let valueName: String?
  /// Its key in records, if it is not that of `name`.
  package let recordKey: String
  package let range: SettingRange<Value>
  package let record: SettingRecord

  /// Declares a setting.
  package init(
    _ key: String, _ defaultValue: Value, _ range: SettingRange<Value> = .any, help: String,
    section: SettingSection = .common, record: SettingRecord = .always, recordKey: String? = nil,
    showsDefault: Bool = true, valueName: String? = nil
  ) {
    name = SettingName(key)
    self.defaultValue = defaultValue
    self.range = range
    self.help = help
    self.section = section
    self.record = record
    self.recordKey = recordKey ?? key
    self.showsDefault = showsDefault
    self.valueName = valueName
  }

  /// The same setting with the words, and perhaps the default, of a program in which it means something else.
  public func worded(_ help: String, defaultValue: Value? = nil) -> Setting {
    var setting = self
    setting.help = help
    setting.defaultValue = defaultValue ?? self.defaultValue
    return setting
  }

  /// The same setting with its default in the sentence of the help, for a parser that is to tell whether it was given.
  public func spellingOut(default value: Value) -> Setting {
    guard showsDefault else { return self }
    var setting = self
    setting.help += " (default: \(value.text))"
    setting.showsDefault = false
    return setting
  }

  /// What its values are, for the refusal of a text that is none.
  public var expectation: String {
    let kind =
      switch Value.self {
      case is Int.Type, is Int?.Type, is UInt64.Type: "a whole number"
      case is Double.Type, is Double?.Type: "a number"
      default: "another value"
      }
    if range.words.hasPrefix(kind) { return range.words }
    return range.words == SettingRange<Value>.any.words ? kind : "\(kind), \(range.words)"
  }

  /// Refuses a value out of range.
  /// - Throws: `CarinaError.usage` that names the setting.
  public func check(_ value: Value) throws {
    guard !range.contains(value) else { return }
    throw CarinaError(.usage, "\(setting: name) cannot be used", expected: range.words, found: value.text)
  }
}
