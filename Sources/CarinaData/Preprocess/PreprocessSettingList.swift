import CarinaRuntime

/// What the numbers of preprocessing are.
public struct PreprocessSettingList: SettingList {
  /// The declarations.
  public static let declared = PreprocessSettingList()

  /// Images a shard; the last of a split has fewer.
  public let shardSize = Setting("shard_size", 1024, .atLeast(1), help: "Images a shard.")
  /// Only so many records are taken, from the start; nil for all.
  public let limit = Setting<Int?>("limit", nil, .optional(.atLeast(1)), help: "Take only the first records.")
  /// The run stops when more than this part of the images cannot be used.
  public let maxRejected = Setting(
    "max_rejected", 0.01, .part, help: "Part of the images that may be unusable, 0 to 1.")
}
