import Carina

/// Which settings of a list stand together in the help of a program, and their values where the command line says
/// nothing.
public protocol SettingOffer {
  /// The list.
  associatedtype List: SettingList
  /// The part of the help that they are; nil for all that are not the engine's alone.
  static var section: SettingSection? { get }
  /// The values where the command line says nothing.
  static var defaults: SettingValues<List> { get }
  /// Whether a setting of a part of the help is among them.
  static func offers(_ name: SettingName, in section: SettingSection) -> Bool
  /// Its sentence in the help of the program, where it is another one than everywhere.
  static func help(_ name: SettingName) -> String?
  /// Whether a program has to know which of them its command line gave, also where the value is the usual one.
  static var tellsGiven: Bool { get }
}

extension SettingOffer {
  /// All that are not the engine's alone.
  public static var section: SettingSection? { nil }
  /// Those of the declarations.
  public static var defaults: SettingValues<List> { SettingValues() }
  /// Those of the part of the help.
  public static func offers(_ name: SettingName, in section: SettingSection) -> Bool {
    self.section.map { $0 == section } ?? (section != .engine)
  }
  /// As declared.
  public static func help(_ name: SettingName) -> String? { nil }
  /// None does.
  public static var tellsGiven: Bool { false }
}

/// The settings of another offer, in a program that has to know which of them its command line gave.
public enum GivenOffer<Offer: SettingOffer>: SettingOffer {
  /// The list.
  public typealias List = Offer.List
  /// The part of the help.
  public static var section: SettingSection? { Offer.section }
  /// Those of the offer.
  public static var defaults: SettingValues<List> { Offer.defaults }
  /// Those of the offer.
  public static func offers(_ name: SettingName, in section: SettingSection) -> Bool { Offer.offers(name, in: section) }
  /// Those of the offer.
  public static func help(_ name: SettingName) -> String? { Offer.help(name) }
  /// It has.
  public static var tellsGiven: Bool { true }
}
