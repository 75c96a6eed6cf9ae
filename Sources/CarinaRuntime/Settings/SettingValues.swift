/// Values for the settings of a list, read and written by the declarations' names: `values.learningRate = 1e-4`.
@dynamicMemberLookup
public struct SettingValues<List: SettingList>: Equatable, Sendable {
  private var assigned: [String: any SettingValue] = [:]

  /// The defaults.
  public init() {}

  /// The declarations in their order.
  public static var declared: [any DeclaredSetting] {
    Mirror(reflecting: List.declared).children.compactMap { $0.value as? any DeclaredSetting }
  }

  /// What a setting is called.
  package static func name<Value>(_ path: KeyPath<List, Setting<Value>>) -> SettingName {
    List.declared[keyPath: path].name
  }

  /// The value of a setting.
  public subscript<Value>(dynamicMember path: KeyPath<List, Setting<Value>>) -> Value {
    get { self[List.declared[keyPath: path]] }
    set { self[List.declared[keyPath: path]] = newValue }
  }

  /// The value of a setting.
  public subscript<Value>(setting: Setting<Value>) -> Value {
    get {
      guard let value = assigned[setting.name.key] else { return setting.defaultValue }
      return value as? Value ?? setting.defaultValue
    }
    set { assigned[setting.name.key] = newValue }
  }

  /// Refuses values with which nothing can work.
  /// - Throws: `CarinaError.usage` that names the setting.
  public func validate() throws {
    func check(_ setting: some DeclaredSetting) throws { try setting.declaration.check(self[setting.declaration]) }
    for setting in Self.declared { try check(setting) }
    try List.checkTogether(self)
  }

  /// What decides numbers, for a record.
  package var json: JSONObject {
    var object = JSONObject()
    func add(_ setting: some DeclaredSetting) {
      let declaration = setting.declaration, value = self[declaration]
      let isRecorded =
        switch declaration.record {
        case .always: true
        case .unlessDefault: value != declaration.defaultValue
        case .never: false
        }
      if isRecorded { object[declaration.recordKey] = value.json }
    }
    for setting in Self.declared { add(setting) }
    return object
  }

  /// Every setting with its value in words, in the order of the declarations.
  public var texts: [(name: SettingName, value: String)] {
    func text(_ setting: some DeclaredSetting) -> (name: SettingName, value: String) {
      (setting.declaration.name, self[setting.declaration].text)
    }
    return Self.declared.map { text($0) }
  }

  /// The settings whose values are not those of the declarations, in their order.
  package var changedNames: [SettingName] {
    func changed(_ setting: some DeclaredSetting) -> SettingName? {
      self[setting.declaration] == setting.declaration.defaultValue ? nil : setting.declaration.name
    }
    return Self.declared.compactMap { changed($0) }
  }

  /// Whether all values are equal, wherever they come from.
  public static func == (one: SettingValues, other: SettingValues) -> Bool {
    func isEqual(_ setting: some DeclaredSetting) -> Bool { one[setting.declaration] == other[setting.declaration] }
    return declared.allSatisfy { isEqual($0) }
  }
}
