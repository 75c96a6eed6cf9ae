import CarinaRuntime

/// What the settings of a comparison of shard directories are.
public struct AuditSettingList: SettingList {
  /// The declarations.
  public static let declared = AuditSettingList()

  // `ShardAudit` refuses what is out of range.
  /// Bits in which the hashes of pictures that are alike may differ.
  public let maximumDistance = Setting(
    "max_distance", 4, help: "Bits of 64 in which hashes of pictures alike may differ, 0 to 15.")
  /// How many of each kind a program prints.
  public let show = Setting("show", 20, help: "How many of each kind to print.")
}
