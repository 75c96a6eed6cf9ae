import CarinaRuntime

/// What the numbers of preprocessing are.
public struct PreprocessSettingList: SettingList {
  /// The declarations.
  public static let declared = PreprocessSettingList()

  /// The vision encoder whose image settings decide size, filter and normalisation; nil for none.
  public let visionModel = Setting<String?>(
    SettingName.visionModel.key, nil,
    help: "The SigLIP model whose image settings decide size, filter and normalisation: a directory, or an id in the "
      + "cache.")
  /// Pixels a side; nil for the model's, or 384 without one.
  public let imageSize = Setting<Int?>(
    SettingName.imageSize.key, nil, .optional(.within(1...4096, of: "pixels")),
    help: "Pixels a side (default: the model's, 384 without one).")
  /// The kernel of the resize; nil for the model's, or bicubic without one.
  public let resizeFilter = Setting<ResizeFilter?>(
    SettingName.resizeFilter.key, nil,
    help:
      "Kernel of the resize: \(ResizeFilter.allCases.map(\.rawValue).joined(separator: ", ")) (default: the model's, "
      + "bicubic without one).")
  /// Images a shard; the last of a split has fewer.
  public let shardSize = Setting("shard_size", 1024, .atLeast(1), help: "Images a shard.")
  /// Only so many records are taken, from the start; nil for all.
  public let limit = Setting<Int?>("limit", nil, .optional(.atLeast(1)), help: "Take only the first records.")
  /// The run stops when more than this part of the images cannot be used.
  public let maxRejected = Setting(
    "max_rejected", 0.01, .part, help: "Part of the images that may be unusable, 0 to 1.")
}
