import CarinaRuntime

/// What the settings of an answer are.
public struct GenerationSettingList: SettingList {
  /// The declarations.
  public static let declared = GenerationSettingList()

  /// The most tokens of an answer, the stop token included.
  public let maximumNewTokens = Setting(
    "max_new_tokens", 128, .within(1...1_000_000), help: "Most tokens of an answer.")
  /// Beams of the search; 1 for none.
  public let beamCount = Setting("num_beams", 1, .within(1...1000), help: "Beams of a beam search; 1 for none.")
  /// Divides the logits before sampling; 0 takes the most probable token.
  public let temperature = Setting(
    "temperature", 0.0, .notNegative, help: "Sample at this temperature; 0 takes the most probable token.")
  /// Sampling only among so many most probable tokens.
  public let topK = Setting<Int?>(
    "top_k", nil, .optional(.atLeast(1)), help: "Sample among so many most probable tokens.")
  /// Sampling only among the most probable tokens that together hold so much probability.
  public let topP = Setting<Double?>(
    "top_p", nil, .optional(SettingRange("a number above 0 and up to 1") { $0 > 0 && $0 <= 1 }),
    help: "Sample among the most probable tokens that together have this probability.")
  /// Makes tokens that the answer has already less probable (Keskar et al. 2019); 1 for no change. The question does
  /// not count.
  public let repetitionPenalty = Setting(
    "repetition_penalty", 1.0, SettingRange("above 0") { $0 > 0 && $0.isFinite },
    help: "Above 1 makes tokens that the answer has already less probable.")
  /// Exponent of the length by which a finished beam's log probability is divided: above 0 favours long answers.
  public let lengthPenalty = Setting(
    "length_penalty", 1.0, SettingRange("a number") { $0.isFinite },
    help: "With beams: above 0 favours long answers, below 0 short ones.")
  /// Where the randomness of sampling comes from.
  public let seed = Setting<UInt64>("seed", 0, help: "Seed of sampling.", recordKey: "generation_seed")

  /// Refuses values that would have no effect.
  /// - Throws: `CarinaError.usage` naming the setting.
  public static func checkTogether(_ options: GenerationOptions) throws {
    func require(
      _ holds: Bool, _ name: SettingName, _ expected: String, _ found: String, remedy: String? = nil
    ) throws {
      guard !holds else { return }
      throw CarinaError(
        .usage, "\(setting: name) cannot be used", expected: expected, found: found, remedy: remedy)
    }
    let temperature = declared.temperature.name, beams = declared.beamCount.name
    let length = declared.lengthPenalty.name
    try require(
      options.beamCount == 1 || options.temperature == 0, beams, "1 when \(setting: temperature) is not 0",
      "\(options.beamCount)", remedy: "Leave \(setting: beams) or \(setting: temperature) out.")
    for (name, isSet) in [
      (declared.topK.name, options.topK != nil), (declared.topP.name, options.topP != nil),
    ] {
      try require(
        !isSet || options.temperature > 0, name, "sampling",
        "\(setting: temperature) 0, which always takes the most probable token",
        remedy: "Add \(setting: temperature) 1, or leave \(setting: name) out.")
    }
    try require(
      options.lengthPenalty == 1 || options.beamCount > 1, length, "a beam search", "one beam",
      remedy: "Add \(setting: beams), or leave \(setting: length) out.")
  }
}
