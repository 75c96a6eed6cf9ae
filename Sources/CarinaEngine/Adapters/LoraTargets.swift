import CarinaRuntime

/// Which affine maps of a model have adapters: all, or those of some names, as `target_modules` of PEFT has them.
public enum LoraTargets: Equatable, NotatedSettingValue {
  /// Every affine map of the blocks; neither embedding nor output head.
  case allLinear
  /// Maps whose path ends in one of these names.
  case names([String])

  /// Reads `all-linear` or names joined by commas.
  /// - Throws: `CarinaError.usage` for an empty name.
  public init(notation text: String) throws {
    guard text.lowercased() != Self.allLinearName else {
      self = .allLinear
      return
    }
    let names = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    guard names.allSatisfy({ !$0.isEmpty && !$0.contains(where: \.isWhitespace) }) else {
      throw CarinaError(
        .usage, "\(setting: LoraSettingList.declared.targets.name) cannot be used",
        expected: "all-linear, or names joined by commas, such as q_proj,v_proj", found: text)
    }
    self = .names(names)
  }

  /// The notation.
  public var text: String {
    switch self {
    case .allLinear: Self.allLinearName
    case .names(let names): names.joined(separator: ",")
    }
  }

  /// As `text`.
  public var json: JSONValue { .string(text) }

  /// Whether a map of this path has an adapter.
  func matches(_ path: String) -> Bool {
    switch self {
    case .allLinear: true
    case .names(let names): names.contains { Self.name($0, matches: path) }
    }
  }

  /// Whether a path is, or ends in, a name, whole steps at a time.
  static func name(_ name: String, matches path: String) -> Bool { path == name || path.hasSuffix("." + name) }

  private static let allLinearName = "all-linear"
}
