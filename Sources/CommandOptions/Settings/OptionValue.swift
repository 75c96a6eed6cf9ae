import ArgumentParser
import Carina

/// A type of settings that a command line can give.
protocol OptionValue: SettingValue {
  /// The option or switch of a setting.
  static func argument(_ setting: Setting<Self>, defaultValue: Self) -> any Decodable
  /// What the command line gave; nil where it gave nothing and the setting's default is to be found elsewhere.
  static func value(
    of setting: Setting<Self>, in container: KeyedDecodingContainer<SettingKey>
  ) throws -> Self?
}

extension OptionValue where Self: ExpressibleByArgument {
  static func argument(_ setting: Setting<Self>, defaultValue: Self) -> any Decodable {
    let name = NameSpecification.customLong(setting.name.optionName)
    return setting.showsDefault
      ? Option<Self>(wrappedValue: defaultValue, name: name, help: setting.argumentHelp)
      : Option<Self?>(name: name, help: setting.argumentHelp)
  }

  static func value(
    of setting: Setting<Self>, in container: KeyedDecodingContainer<SettingKey>
  ) throws -> Self? {
    let key = SettingKey(setting.name)
    return setting.showsDefault
      ? try container.decode(Option<Self>.self, forKey: key).wrappedValue
      : try container.decode(Option<Self?>.self, forKey: key).wrappedValue
  }
}

extension Int: OptionValue {}
extension UInt64: OptionValue {}
extension Double: OptionValue {}
extension PromptStyle: OptionValue {}
extension VisionFeature: OptionValue {}
extension TimeSpan: OptionValue {}

extension Bool: OptionValue {
  static func argument(_ setting: Setting<Bool>, defaultValue: Bool) -> any Decodable { Flag(setting) }

  static func value(
    of setting: Setting<Bool>, in container: KeyedDecodingContainer<SettingKey>
  ) throws -> Bool? {
    try container.decode(Flag<Bool>.self, forKey: SettingKey(setting.name)).wrappedValue != setting.defaultValue
  }
}

extension Optional: OptionValue where Wrapped: OptionValue & ExpressibleByArgument {
  static func argument(_ setting: Setting<Wrapped?>, defaultValue: Wrapped?) -> any Decodable {
    Option<Wrapped?>(setting)
  }

  static func value(
    of setting: Setting<Wrapped?>, in container: KeyedDecodingContainer<SettingKey>
  ) throws -> Wrapped?? {
    try container.decode(Option<Wrapped?>.self, forKey: SettingKey(setting.name)).wrappedValue
  }
}
