import CarinaRuntime

/// What the settings of an archive of generated radiographs are.
public struct PhantomSettingList: SettingList {
  /// The declarations.
  public static let declared = PhantomSettingList()

  // `PhantomArchive.Options` and `PhantomSplits` refuse what is out of range.
  /// Images.
  public let count = Setting("count", 3000, help: "Images to draw.")
  /// Equal seeds give equal archives.
  public let seed = Setting<UInt64>("seed", 1, help: "Equal seeds give equal archives.")
  /// Pixels a side.
  public let imageSize = Setting("image_size", 96, help: "Pixels a side.")
  /// The part of the images that is for validation.
  public let validation = Setting(
    "val_fraction", 0.05, help: "Part of the images for validation.", section: .division)
  /// The part of the images that is held out.
  public let test = Setting("test_fraction", 0.15, help: "Part of the images to hold out.", section: .division)
  /// Whether stage 2 also asks for the report of each image.
  public let reports = Setting(
    "reports", false, help: "In stage 2 also ask for the report of each image (answer type REPORT).",
    section: .division)
}

extension PhantomArchive.Options {
  /// An archive as the settings describe it.
  /// - Throws: `CarinaError.usage` for a count, a size or shares out of range.
  public init(_ values: SettingValues<PhantomSettingList>) throws {
    try self.init(
      count: values.count, seed: values.seed, imageSize: values.imageSize,
      splits: PhantomSplits(validation: values.validation, test: values.test), reports: values.reports)
  }
}
