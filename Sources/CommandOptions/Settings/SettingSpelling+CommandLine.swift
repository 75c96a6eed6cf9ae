import Carina

extension SettingName {
  /// The setting's name behind the two hyphens of an option.
  public var optionName: String { key.hyphenated }
}

extension SettingSpelling {
  /// As options of a command line: `--learning-rate`, and `--no-unfreeze-llm` for a switch that is turned off.
  static let commandLine = SettingSpelling { "--\($0.isOff ? "no-" : "")\($0.key.hyphenated)" }
}

extension String {
  fileprivate var hyphenated: String { String(map { $0 == "_" ? "-" : $0 }) }
}
