import ArgumentParser
import Carina

extension Option {
  /// The option of a setting: `@Option(EvaluatorSettingList.declared.batchSize) var batchSize: Int`.
  public init(_ setting: Setting<Value>) where Value: ExpressibleByArgument & SettingValue {
    self.init(
      wrappedValue: setting.defaultValue, name: .customLong(setting.name.optionName), help: setting.argumentHelp)
  }

  /// The option of a setting without a value where the command line says nothing.
  public init<Wrapped>(_ setting: Setting<Wrapped?>)
  where Value == Wrapped?, Wrapped: ExpressibleByArgument & SettingValue {
    self.init(name: .customLong(setting.name.optionName), help: setting.argumentHelp)
  }

  /// The option of a setting whose default another one decides: nil where the command line says nothing.
  public init<Wrapped>(optional setting: Setting<Wrapped>)
  where Value == Wrapped?, Wrapped: ExpressibleByArgument & SettingValue {
    self.init(name: .customLong(setting.name.optionName), help: setting.argumentHelp)
  }
}

extension Flag where Value == Bool {
  /// The switch of a setting: `--KEY` where it is off by default, `--no-KEY` where it is on.
  public init(_ setting: Setting<Bool>) {
    let name = setting.name.optionName
    self.init(
      wrappedValue: false, name: .customLong(setting.defaultValue ? "no-" + name : name), help: setting.argumentHelp)
  }
}

extension Setting {
  var argumentHelp: ArgumentHelp { ArgumentHelp(help, valueName: valueName) }
}
