import ArgumentParser
import Carina

/// A type of settings that a command line can give.
protocol OptionValue: SettingValue {
  /// The option or switch of a setting.
  static func argument(_ setting: Setting<Self>, defaultValue: Self) -> any Decodable
  /// What the command line gave, read when it is asked for; nil where it gave nothing and the setting's default is to
  /// be found elsewhere.
  static func reading(
    of setting: Setting<Self>, in container: KeyedDecodingContainer<SettingKey>
  ) throws -> (() throws -> Self)?
  /// The option of a setting that may have no value.
  static func optionalArgument(_ setting: Setting<Self?>) -> any Decodable
  /// What the command line gave for it.
  static func optionalReading(
    of setting: Setting<Self?>, in container: KeyedDecodingContainer<SettingKey>
  ) throws -> () throws -> Self?
  /// Whether one of its values says that the command line gave nothing.
  static var hasAbsence: Bool { get }
}

extension OptionValue {
  static var hasAbsence: Bool { false }
}

extension OptionValue where Self: ExpressibleByArgument {
  static func argument(_ setting: Setting<Self>, defaultValue: Self) -> any Decodable {
    let name = NameSpecification.customLong(setting.name.optionName)
    return setting.showsDefault
      ? Option<Self>(wrappedValue: defaultValue, name: name, help: setting.argumentHelp)
      : Option<Self?>(name: name, help: setting.argumentHelp)
  }

  static func reading(
    of setting: Setting<Self>, in container: KeyedDecodingContainer<SettingKey>
  ) throws -> (() throws -> Self)? {
    let key = SettingKey(setting.name)
    let value =
      setting.showsDefault
      ? try container.decode(Option<Self>.self, forKey: key).wrappedValue
      : try container.decode(Option<Self?>.self, forKey: key).wrappedValue
    return value.map { value in { value } }
  }

  static func optionalArgument(_ setting: Setting<Self?>) -> any Decodable { Option<Self?>(setting) }

  static func optionalReading(
    of setting: Setting<Self?>, in container: KeyedDecodingContainer<SettingKey>
  ) throws -> () throws -> Self? {
    let value = try container.decode(Option<Self?>.self, forKey: SettingKey(setting.name)).wrappedValue
    return { value }
  }
}

// The text is read after parsing, so that a refusal is the type's own and not the parser's.
extension OptionValue where Self: NotatedSettingValue {
  static func argument(_ setting: Setting<Self>, defaultValue: Self) -> any Decodable {
    let name = NameSpecification.customLong(setting.name.optionName)
    return setting.showsDefault
      ? Option<String>(wrappedValue: defaultValue.text, name: name, help: setting.argumentHelp)
      : Option<String?>(name: name, help: setting.argumentHelp)
  }

  static func reading(
    of setting: Setting<Self>, in container: KeyedDecodingContainer<SettingKey>
  ) throws -> (() throws -> Self)? {
    let key = SettingKey(setting.name)
    let text =
      setting.showsDefault
      ? try container.decode(Option<String>.self, forKey: key).wrappedValue
      : try container.decode(Option<String?>.self, forKey: key).wrappedValue
    return text.map { text in { try Self(notation: text) } }
  }

  static func optionalArgument(_ setting: Setting<Self?>) -> any Decodable {
    Option<String?>(name: .customLong(setting.name.optionName), help: setting.argumentHelp)
  }

  static func optionalReading(
    of setting: Setting<Self?>, in container: KeyedDecodingContainer<SettingKey>
  ) throws -> () throws -> Self? {
    let text = try container.decode(Option<String?>.self, forKey: SettingKey(setting.name)).wrappedValue
    return { try text.map(Self.init(notation:)) }
  }
}

extension Bool: OptionValue {
  static var hasAbsence: Bool { true }

  static func argument(_ setting: Setting<Bool>, defaultValue: Bool) -> any Decodable { Flag(setting) }

  static func reading(
    of setting: Setting<Bool>, in container: KeyedDecodingContainer<SettingKey>
  ) throws -> (() throws -> Bool)? {
    let value =
      try container.decode(Flag<Bool>.self, forKey: SettingKey(setting.name)).wrappedValue != setting.defaultValue
    return { value }
  }

  static func optionalArgument(_ setting: Setting<Bool?>) -> any Decodable {
    Flag<Bool?>(
      name: .customLong(setting.name.optionName), inversion: .prefixedNo, help: setting.argumentHelp)
  }

  static func optionalReading(
    of setting: Setting<Bool?>, in container: KeyedDecodingContainer<SettingKey>
  ) throws -> () throws -> Bool? {
    let value = try container.decode(Flag<Bool?>.self, forKey: SettingKey(setting.name)).wrappedValue
    return { value }
  }
}

extension Optional: OptionValue where Wrapped: OptionValue {
  static var hasAbsence: Bool { true }

  static func argument(_ setting: Setting<Wrapped?>, defaultValue: Wrapped?) -> any Decodable {
    Wrapped.optionalArgument(setting)
  }

  static func reading(
    of setting: Setting<Wrapped?>, in container: KeyedDecodingContainer<SettingKey>
  ) throws -> (() throws -> Wrapped?)? {
    try Wrapped.optionalReading(of: setting, in: container)
  }

  // A setting has a value or none; there is no third thing.
  static func optionalArgument(_ setting: Setting<Wrapped??>) -> any Decodable {
    Option<String?>(name: .customLong(setting.name.optionName), help: setting.argumentHelp)
  }

  static func optionalReading(
    of setting: Setting<Wrapped??>, in container: KeyedDecodingContainer<SettingKey>
  ) throws -> () throws -> Wrapped?? { { .some(nil) } }
}

extension Int: OptionValue {}
extension UInt64: OptionValue {}
extension Double: OptionValue {}
extension String: OptionValue {}

extension PromptStyle: OptionValue, @retroactive ExpressibleByArgument {}
extension Supervision: OptionValue, @retroactive ExpressibleByArgument {}
extension ProjectorForm: OptionValue, @retroactive ExpressibleByArgument {}
extension VisionFeature: OptionValue, @retroactive ExpressibleByArgument {}
extension ComputingPrecision: OptionValue {}
extension MatrixProductChoice: OptionValue {}
extension DeviceChoice: OptionValue {}
extension ImageAugmentation: OptionValue {}
extension SaveInterval: OptionValue {}
extension LearningRateShape: OptionValue, @retroactive ExpressibleByArgument {}
extension EvaluationInterval: OptionValue {}
extension BestMetric: OptionValue, @retroactive ExpressibleByArgument {}
extension TextUnit: OptionValue, @retroactive ExpressibleByArgument {}
extension OptimizerChoice: OptionValue, @retroactive ExpressibleByArgument {}
extension LoraTargets: OptionValue {}

extension SampleFormat: OptionValue, @retroactive ExpressibleByArgument {}
extension SplitUnit: OptionValue, @retroactive ExpressibleByArgument {}
extension ResizeFilter: OptionValue, @retroactive ExpressibleByArgument {}
extension PassOrder: OptionValue, @retroactive ExpressibleByArgument {}
extension ImageTransform.Aspect: OptionValue, @retroactive ExpressibleByArgument {}
extension ImageTransform.Colour: OptionValue, @retroactive ExpressibleByArgument {}
extension UncertainPolicy: OptionValue, @retroactive ExpressibleByArgument {}
extension ViewPolicy: OptionValue, @retroactive ExpressibleByArgument {}
extension SampleKinds: OptionValue, @retroactive ExpressibleByArgument {}
extension DeidentifiedPolicy: OptionValue, @retroactive ExpressibleByArgument {}

extension ShardPart: OptionValue, @retroactive ExpressibleByArgument {
  /// Reads `I/N`.
  public init?(argument: String) { self.init(text: argument) }
}

extension PixelPolicy: OptionValue, @retroactive ExpressibleByArgument {
  /// Reads `voi`, `minmax`, `percentile:LOW,HIGH` or `full`.
  public init?(argument: String) { self.init(text: argument) }
}

extension FrameChoice: OptionValue, @retroactive ExpressibleByArgument {
  /// Reads a number, `first` or `middle`.
  public init?(argument: String) { self.init(text: argument) }
}

extension ResumePolicy: OptionValue, @retroactive ExpressibleByArgument {
  /// Reads `auto`, `never`, or a directory.
  public init?(argument: String) { self.init(argument) }
  /// As it is read.
  public var defaultValueDescription: String { text }
}
