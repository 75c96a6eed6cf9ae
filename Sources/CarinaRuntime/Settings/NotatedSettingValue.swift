/// A value that a user writes in a notation of its own, with refusals that the type words itself.
public protocol NotatedSettingValue: SettingValue {
  /// Reads the notation, which `text` writes.
  /// - Throws: `CarinaError.usage` that names the setting.
  init(notation: String) throws
}
