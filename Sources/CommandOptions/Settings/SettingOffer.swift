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
}

extension SettingOffer {
  /// All that are not the engine's alone.
  public static var section: SettingSection? { nil }
  /// Those of the declarations.
  public static var defaults: SettingValues<List> { SettingValues() }
}
