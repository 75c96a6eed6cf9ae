import ArgumentParser
import Carina

/// The options of declared settings: made from the declarations alone, so that a setting that is declared is an option.
///
/// ArgumentParser reads options off the mirror of a type, which is made here from the list instead of from properties.
public struct SettingOptions<Offer: SettingOffer>: ParsableArguments, CustomReflectable {
  private var given: [(inout SettingValues<Offer.List>) throws -> Void] = []
  private var isGiven: [(name: SettingName, holds: () throws -> Bool)] = []

  /// Nothing given yet.
  public init() {}

  /// Takes what the command line gave.
  public init(from decoder: any Swift.Decoder) throws {
    let container = try decoder.container(keyedBy: SettingKey.self)
    for setting in Self.settings { try take(setting, container) }
  }

  /// One option a setting, in the order of the declarations.
  public var customMirror: Mirror {
    Mirror(self, children: Self.settings.map { ($0.name.key, Self.argument($0)) })
  }

  /// Writes what the command line gave into values.
  /// - Throws: `CarinaError.usage` for a notation that cannot be read.
  public func apply(to values: inout SettingValues<Offer.List>) throws {
    for write in given { try write(&values) }
  }

  /// The values that the command line gave, and the defaults of the others.
  /// - Throws: `CarinaError.usage` for a notation that cannot be read.
  public var values: SettingValues<Offer.List> {
    get throws {
      var values = Offer.defaults
      try apply(to: &values)
      return values
    }
  }

  /// The options that the command line gave; what an offer does not tell apart (`tellsGiven`) is given where its value is
  /// not the default.
  /// - Throws: as `values`.
  public var givenNames: [SettingName] {
    get throws { try isGiven.filter { try $0.holds() }.map(\.name) }
  }

  /// Lines for the header of a run.
  /// - Throws: as `values`.
  public var header: [(name: String, value: String)] { get throws { headerLines(try Self.texts(values)) } }

  /// Those of the values that these options are about, in words.
  private static func texts(_ values: SettingValues<Offer.List>) -> [(name: SettingName, value: String)] {
    let names = Set(settings.map { $0.name })
    return values.texts.filter { names.contains($0.name) }
  }

  private static var settings: [any OptionSetting] {
    SettingValues<Offer.List>.declared.compactMap { $0 as? any OptionSetting }
      .filter { Offer.offers($0.name, in: $0.section) }
  }

  private static func argument<Declared: OptionSetting>(_ setting: Declared) -> Any {
    Declared.Value.argument(worded(setting.declaration), defaultValue: Offer.defaults[setting.declaration])
  }

  /// The setting as this program's parser has it.
  private static func worded<Value: OptionValue>(_ setting: Setting<Value>) -> Setting<Value> {
    let worded = Offer.help(setting.name).map { setting.worded($0) } ?? setting
    guard Offer.tellsGiven, !Value.hasAbsence else { return worded }
    return worded.spellingOut(default: Offer.defaults[setting])
  }

  private mutating func take<Declared: OptionSetting>(
    _ setting: Declared, _ container: KeyedDecodingContainer<SettingKey>
  ) throws {
    let declaration = setting.declaration, worded = Self.worded(declaration)
    guard let read = try Declared.Value.reading(of: worded, in: container) else { return }
    given.append { $0[declaration] = try read() }
    let isSure = !worded.showsDefault && !Declared.Value.hasAbsence
    isGiven.append((declaration.name, { try isSure || read() != Offer.defaults[declaration] }))
  }
}

/// A setting that can be an option.
private protocol OptionSetting<Value>: DeclaredSetting where Value: OptionValue {
  var name: SettingName { get }
  var section: SettingSection { get }
}

extension Setting: OptionSetting where Value: OptionValue {}
