import CarinaRuntime

/// What the settings of preprocessing are, besides those of images, splits and archives.
public struct PreprocessSettingList: SettingList {
  /// The declarations.
  public static let declared = PreprocessSettingList()

  /// The layout of the records.
  public let format = Setting(
    "format", SampleFormat.carina,
    help: "Layout of the records: \(SampleFormat.allCases.map(\.rawValue).joined(separator: ", ")).", section: .records
  )
  /// Whether an image that lies outside the image roots (absolute, by `..` or by a link) is refused: for records that
  /// one did not write oneself.
  public let isConfined = Setting(
    "confine", false,
    help: "Reject images outside the image roots (absolute, by .. or by a link): for records one did not write.",
    section: .records)
  /// Images a shard; the last of a split has fewer.
  public let shardSize = Setting("shard_size", 1024, .atLeast(1), help: "Images a shard.")
  /// Threads that decode, the writer being one more; nil for as many as the engine has.
  public let workers = Setting<Int?>(
    "workers", nil, .optional(.atLeast(1)),
    help: "Threads that decode (default: \(setting: SettingName("threads"))).")
  /// Which share of the shards is made; the output is there once all parts are.
  public let part = Setting(
    "part", ShardPart.whole,
    help: "Make this share of the shards: 1/3, 2/3 and 3/3 on three machines with one output.", valueName: "i/n")
  /// Only so many records are taken, from the start; nil for all.
  public let limit = Setting<Int?>("limit", nil, .optional(.atLeast(1)), help: "Take only the first records.")
  /// The run stops when more than this part of the images cannot be used.
  public let maxRejected = Setting(
    "max_rejected", 0.01, .part, help: "Part of the images that may be unusable, 0 to 1.")
}

extension ShardPart: SettingValue {}
