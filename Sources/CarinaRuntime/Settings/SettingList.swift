/// Settings that belong together, each declared once as a stored property.
public protocol SettingList: Sendable {
  /// The declarations.
  static var declared: Self { get }
  /// Refuses values that are right alone and wrong together.
  static func checkTogether(_ values: SettingValues<Self>) throws
}

extension SettingList {
  /// Nothing is wrong together.
  public static func checkTogether(_ values: SettingValues<Self>) throws {}
}
