import Synchronization

/// How this process writes the names of settings in errors, remarks and reports.
///
/// One for the whole process: refusals are worded on any thread and stored in files, and a process has one user, who
/// knows settings either as options of a command line or as keys. A program chooses before it does anything else.
public struct SettingSpelling: Sendable {
  /// The text for a name.
  let text: @Sendable (SettingName) -> String

  /// A spelling by a function.
  public init(_ text: @escaping @Sendable (SettingName) -> String) { self.text = text }

  /// As users of the library know them: `learning_rate`, and `unfreeze_llm off`.
  public static let keys = SettingSpelling { $0.isOff ? "\($0.key) off" : $0.key }

  private static let chosen = Mutex(keys)

  /// The one in use; `keys` unless a program chose another.
  package static var current: SettingSpelling { chosen.withLock { $0 } }

  /// Chooses the spelling of this process.
  public static func use(_ spelling: SettingSpelling) { chosen.withLock { $0 = spelling } }
}
