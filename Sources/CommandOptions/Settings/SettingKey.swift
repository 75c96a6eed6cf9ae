import Carina

/// Under which label ArgumentParser keeps the option of a setting.
struct SettingKey: CodingKey {
  let stringValue: String
  var intValue: Int? { nil }

  init(_ name: SettingName) { stringValue = name.key }
  init?(stringValue: String) { self.stringValue = stringValue }
  init?(intValue: Int) { nil }
}
