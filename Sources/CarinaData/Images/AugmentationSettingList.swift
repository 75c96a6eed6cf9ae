import CarinaRuntime

/// What the settings of training images are.
public struct AugmentationSettingList: SettingList {
  /// The declarations.
  public static let declared = AugmentationSettingList()

  /// How images are changed while training.
  public let augment = Setting(
    "augment", ImageAugmentation.none,
    help:
      "Change training images, e.g. shift:0.05,scale:0.1,contrast:0.2,elastic:0.02. Never flipped, never in validation.",
    record: .unlessDefault, valueName: "changes")
}

extension ImageAugmentation: NotatedSettingValue {
  /// Reads `KIND:AMOUNT,…` or `none`, see `init(text:)`.
  /// - Throws: `CarinaError.usage`.
  public init(notation: String) throws { try self.init(text: notation) }
}
