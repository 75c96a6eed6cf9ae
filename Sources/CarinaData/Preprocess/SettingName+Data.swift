import CarinaRuntime

/// Settings of programs of which this module speaks.
extension SettingName {
  /// Pixels a side.
  package static let imageSize = SettingName("image_size")
  /// The kernel of the resize.
  package static let resizeFilter = SettingName("resize_filter")
  /// The vision encoder.
  package static let visionModel = SettingName("vision_model")
  /// How more than 8 bits become 8.
  package static let window = SettingName("window")
  /// Which frame of a file with several is taken.
  package static let frame = ImageSettingList.declared.frame.name
  /// Where images are looked up.
  package static let imageRoot = SettingName("image_root")
  /// Whether images outside the image roots are refused.
  package static let confine = SettingName("confine")
  /// Which images of a study are taken.
  package static let views = SettingName("views")
  /// How images are changed while training.
  package static let augment = SettingName("augment")
  /// What a split is made by.
  package static let splitBy = SettingName("split_by")
  /// Names and parts of the splits.
  package static let fractions = SettingName("fractions")
  /// The layout whose leak between splits is wanted.
  package static let allowKnownLeak = SettingName("allow_known_leak")
  /// The shard directory to write.
  package static let output = SettingName("output")
  /// Which part of the shards is made.
  package static let part = SettingName("part")
}
