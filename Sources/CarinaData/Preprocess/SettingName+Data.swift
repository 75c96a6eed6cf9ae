import CarinaRuntime

/// Settings of programs of which this module speaks.
extension SettingName {
  /// Pixels a side.
  package static let imageSize = ImageSettingList.declared.size.name
  /// The kernel of the resize.
  package static let resizeFilter = ImageSettingList.declared.resizeFilter.name
  /// The vision encoder.
  package static let visionModel = ImageSettingList.declared.visionModel.name
  /// Which frame of a file with several is taken.
  package static let frame = ImageSettingList.declared.frame.name
  /// How more than 8 bits become 8.
  package static let window = ImageSettingList.declared.window.name
  /// Where images are looked up.
  package static let imageRoot = SettingName("image_root")
  /// Whether images outside the image roots are refused.
  package static let confine = PreprocessSettingList.declared.isConfined.name
  /// Which images of a study are taken.
  package static let views = ArchiveSettingList.declared.views.name
  /// How images are changed while training.
  package static let augment = AugmentationSettingList.declared.augment.name
  /// What a split is made by.
  package static let splitBy = SplitSettingList.declared.unit.name
  /// Names and parts of the splits.
  package static let fractions = SplitSettingList.declared.fractions.name
  /// The layout whose leak between splits is wanted.
  package static let allowKnownLeak = SplitSettingList.declared.allowKnownLeak.name
  /// The shard directory to write.
  package static let output = SettingName("output")
  /// Which part of the shards is made.
  package static let part = PreprocessSettingList.declared.part.name
}
