/// A setting of any type.
public protocol DeclaredSetting<Value>: Sendable {
  /// The type of its value.
  associatedtype Value: SettingValue
  /// The declaration.
  var declaration: Setting<Value> { get }
}

extension Setting: DeclaredSetting {
  /// Itself.
  public var declaration: Setting { self }
}
