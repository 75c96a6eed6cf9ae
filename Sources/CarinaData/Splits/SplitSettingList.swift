import CarinaRuntime

/// What the settings of an archive's division are.
public struct SplitSettingList: SettingList {
  /// The declarations.
  public static let declared = SplitSettingList()

  /// Where records name splits: take those of this one. Where they do not: the name of the whole.
  public let split = Setting<String?>(
    "split", nil, help: "Split to take from the records, or its name where they do not say.")
  /// What stays together when an archive is divided; nil takes the records as they are.
  public let unit = Setting<SplitUnit?>(
    "split_by", nil,
    help:
      "Divide by patient, study or image, or keep and check the given splits; without \(setting: SettingName("split")), all are written."
  )
  /// Names and shares of the splits, see `SplitPlan`.
  public let fractions = Setting(
    "fractions", "train=0.8,val=0.1,test=0.1", help: "Names and shares of the splits.")
  /// Where the drawing of splits comes from.
  public let seed = Setting<UInt64>("split_seed", 1, help: "Equal seeds give equal splits.")
  /// The layout whose leak between splits is known and wanted.
  public let allowKnownLeak = Setting<SampleFormat?>(
    "allow_known_leak", nil,
    help:
      "The \(setting: PreprocessSettingList.declared.format.name) whose leak between splits is known and wanted: no error then.",
    valueName: "format")
}

extension SettingValues<SplitSettingList> {
  /// How the archive is divided; nil where its records are taken as they are.
  /// - Throws: `CarinaError.usage` for fractions that cannot be, or a leak that is allowed to another layout.
  public func plan(for format: SampleFormat) throws -> SplitPlan? {
    let leaking = self.allowKnownLeak
    if let leaking, leaking != format {
      throw CarinaError(
        .usage,
        "\(setting: .allowKnownLeak) names another format than \(setting: PreprocessSettingList.declared.format.name)",
        expected: format.rawValue, found: leaking.rawValue)
    }
    return try self.unit.map {
      try SplitPlan($0, fractions: self.fractions, seed: self.seed, allowsLeak: leaking != nil)
    }
  }
}

extension SplitUnit: SettingValue {}
extension SampleFormat: SettingValue {}
