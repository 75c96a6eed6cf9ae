import CarinaRuntime

/// What the settings of low-rank adapters are (Hu et al. 2021, LoRA), named and meant as in PEFT.
public struct LoraSettingList: SettingList {
  /// The declarations.
  public static let declared = LoraSettingList()

  /// Rows of A; nil trains the language model's own weights instead.
  public let rank = Setting<Int?>(
    "lora_rank", nil, .optional(SettingRange("at least 1 and at most 65536") { (1...65_536).contains($0) }),
    help: "Freeze the language model and train adapters of this rank beside its linear layers.", section: .adapters)
  /// The adapters count alpha / rank times.
  public let alpha = Setting(
    "lora_alpha", 8.0, SettingRange("a number other than 0") { $0 != 0 && $0.isFinite },
    help: "Adapters count alpha / rank times.", section: .adapters)
  /// The part of an adapter's input that is dropped.
  public let dropout = Setting(
    "lora_dropout", 0.0, SettingRange("a number from 0 to below 1") { (0..<1).contains($0) },
    help: "Part of an adapter's input that is dropped in training.", section: .adapters)
  /// Which layers have adapters.
  public let targets = Setting(
    "lora_targets", LoraTargets.allLinear,
    help: "Layers with adapters: all-linear, or names joined by commas (q_proj,v_proj).", section: .adapters,
    valueName: "names")
  /// Whether alpha / √rank takes the place of alpha / rank.
  public let stabilizesRank = Setting(
    "rslora", false, help: "Adapters count alpha / √rank times (rank-stabilised).", section: .adapters)
  /// The adapters' own learning rate.
  public let learningRate = Setting(
    "lora_lr", 2e-4, SettingRange("a number above 0") { $0 > 0 && $0.isFinite },
    help: "Peak learning rate of adapters, beside which that of whole weights stands.",
    section: .adapters)
  /// Whether the vision encoder has adapters too.
  public let adaptsVision = Setting(
    "lora_vision", false, help: "Adapters in the vision encoder too (q_proj, k_proj, v_proj, out_proj, fc1, fc2).",
    section: .adapters)
  /// Whether the projector has adapters too.
  public let adaptsProjector = Setting(
    "lora_projector", false, help: "Adapters beside both layers of an MLP projector too.", section: .adapters)

  /// Refuses settings of adapters where there are none.
  /// - Throws: `CarinaError.usage` that names the setting.
  public static func checkTogether(_ values: SettingValues<LoraSettingList>) throws {
    guard values.rank == nil else { return }
    let defaults = SettingValues<LoraSettingList>().texts
    guard let (given, _) = zip(values.texts, defaults).first(where: { $0.value != $1.value }) else { return }
    let rank = declared.rank.name
    throw CarinaError(
      .usage, "\(setting: given.name) has no effect without adapters", expected: "\(setting: rank) beside it",
      found: "no \(setting: rank)", remedy: "Add \(setting: rank) 16, or leave \(setting: given.name) out.")
  }
}
