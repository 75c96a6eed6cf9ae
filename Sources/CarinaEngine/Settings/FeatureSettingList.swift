import CarinaModel
import CarinaRuntime

/// What the settings of the vision features are.
public struct FeatureSettingList: SettingList {
  /// The declarations.
  public static let declared = FeatureSettingList()

  /// Before or after the last norm.
  public let feature = Setting(
    "vision_feature", VisionFeature.postNorm, help: "post-norm or pre-norm features of the vision encoder.",
    recordKey: "feature")
  /// Whether the first patch is left out.
  public let dropsFirstPatch = Setting(
    "drop_first_patch", false, help: "Leave out the first patch, as checkpoints of the Python project expect.")
}

extension VisionFeature: SettingValue {}
