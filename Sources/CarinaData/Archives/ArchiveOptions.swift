import CarinaRuntime

/// How an archive's annotations become samples: `options.views = .best`.
public typealias ArchiveOptions = SettingValues<ArchiveSettingList>
