import CarinaRuntime

/// How texts are laid out, and the limits on their ids.
public typealias PromptSettings = SettingValues<PromptSettingList>
