import CarinaRuntime

/// What the settings of validation are: when, on what, and what follows from it.
public struct ValidationSettingList: SettingList {
  /// The declarations.
  public static let declared = ValidationSettingList()

  /// When a run is validated in full; nil for the loss alone, at the end of each epoch.
  public let evalEvery = Setting<EvaluationInterval?>(
    "eval_every", nil,
    help:
      "Validate every N optimizer steps, or each epoch: loss with the true, a shuffled and a blank image, answers, closed accuracy (default: the loss alone, each epoch).",
    record: .unlessDefault, valueName: "N|epoch")
  /// Samples whose answers are shown.
  public let evalSamples = Setting(
    "eval_samples", 4, .atLeast(0), help: "Held-out samples whose answers are written to validation.jsonl.",
    record: .unlessDefault)
  /// Most samples that are validated on; nil for all.
  public let evalLimit = Setting<Int?>(
    "eval_limit", nil, .optional(.atLeast(1)),
    help: "Validate on so many held-out samples, spread evenly over all (default: all).", record: .unlessDefault)
  /// Most tokens of an answer.
  public let evalMaxNewTokens = Setting(
    "eval_max_new_tokens", 64, .within(1...1_000_000), help: "Most tokens of an answer in validation.",
    record: .unlessDefault)
  /// What tells the best model from the others.
  public let bestMetric = Setting(
    "best_metric", BestMetric.validationLoss,
    help: "What chooses the best model. loss is that of training since the validation before.", record: .unlessDefault)
  /// After how many validations without improvement the run ends; nil for never.
  public let earlyStopping = Setting<Int?>(
    "early_stopping", nil, .optional(.atLeast(1)),
    help: "Stop after so many validations in a row in which the best metric did not improve.", record: .unlessDefault)
  /// What is no improvement yet.
  public let earlyStoppingDelta = Setting(
    "early_stopping_delta", 0.0, .notNegative, help: "An improvement by no more than this does not count.",
    record: .unlessDefault)

  /// Refuses values that would have no effect.
  /// - Throws: `CarinaError.usage` naming the setting.
  public static func checkTogether(_ values: ValidationSettings) throws {
    let every = declared.evalEvery.name, usual = ValidationSettings()
    let needing = [
      (declared.evalSamples.name, values.evalSamples != usual.evalSamples),
      (declared.evalLimit.name, values.evalLimit != nil),
      (declared.evalMaxNewTokens.name, values.evalMaxNewTokens != usual.evalMaxNewTokens),
      (declared.bestMetric.name, values.bestMetric != usual.bestMetric),
    ]
    for (name, isSet) in needing where isSet && values.evalEvery == nil {
      throw CarinaError(
        .usage, "\(setting: name) has no effect without \(setting: every)",
        remedy: "Add \(setting: every) epoch, or leave \(setting: name) out.")
    }
    guard values.earlyStopping != nil || values.earlyStoppingDelta == 0 else {
      throw CarinaError(
        .usage,
        "\(setting: declared.earlyStoppingDelta.name) has no effect without \(setting: declared.earlyStopping.name)",
        remedy: "Add \(setting: declared.earlyStopping.name) 3, say, or leave it out.")
    }
  }
}

/// When and on what a run is validated: `settings.evalEvery = .epoch`.
public typealias ValidationSettings = SettingValues<ValidationSettingList>

extension ValidationSettings {
  /// Refuses settings of validation without samples for it.
  /// - Throws: `CarinaError.usage` naming the setting.
  func requireShards(_ path: String?) throws {
    let given = [
      (List.declared.evalEvery.name, self.evalEvery != nil),
      (List.declared.earlyStopping.name, self.earlyStopping != nil),
    ]
    for (name, isSet) in given where isSet && path == nil {
      throw CarinaError(
        .usage, "\(setting: name) needs held-out samples",
        remedy: "Name their shard directory with \(setting: .validationShards), or leave \(setting: name) out.")
    }
  }
}
