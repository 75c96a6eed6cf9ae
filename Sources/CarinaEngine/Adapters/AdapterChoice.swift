import CarinaRuntime

/// Which adapters stand beside the weights of a model.
public struct AdapterChoice: Equatable, Sendable {
  /// Directories, or ids in the Hugging Face cache on disk, in the order in which their changes are added.
  public var references: [String]
  /// Whether adapters may stand on another base than the one that they were trained on.
  public var acceptsOtherBase: Bool

  /// The setting of `references`.
  package static let setting = SettingName("adapter")
  /// The setting of `acceptsOtherBase`.
  package static let otherBase = SettingName("adapter_any_base")

  /// None, unless some are named.
  public init(_ references: [String] = [], acceptsOtherBase: Bool = false) {
    self.references = references
    self.acceptsOtherBase = acceptsOtherBase
  }
}
