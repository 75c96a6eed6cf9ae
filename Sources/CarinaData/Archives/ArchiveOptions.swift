import CarinaRuntime

/// How an archive's annotations become samples: `options.views = .best`.
public typealias ArchiveOptions = SettingValues<ArchiveSettingList>

extension SettingValues<ArchiveSettingList> {
  /// Whether questions in this language are taken: the one of the setting, or any where it is `all` or empty.
  func takesLanguage(_ language: String) -> Bool {
    let wanted = self.language.lowercased()
    return wanted.isEmpty || wanted == "all" || language.lowercased() == wanted
  }
}
