import CarinaMetrics
import CarinaRuntime

/// What the settings of an evaluation are.
public struct EvaluatorSettingList: SettingList {
  /// The declarations.
  public static let declared = EvaluatorSettingList()

  /// Evaluates only so many samples, from the start; nil for all.
  public let limit = Setting<Int?>(
    "limit", nil, .optional(.atLeast(1)), help: "Ask only so many questions, from the start.")
  /// Whether the likelihood of the references is taken too.
  public let withLikelihood = Setting("likelihood", false, help: "Also take the likelihood of the references.")
  /// Bootstrap resamples behind each interval; 0 for none.
  public let replicates = Bootstrap.replicates
  /// Questions that are answered side by side.
  public let batchSize = Setting(
    "batch_size", 32, .atLeast(1), help: "Questions that are answered side by side.")
  /// Seed of the resampling and of the choice of shuffled images.
  public let seed = Setting<UInt64>("seed", 0, help: "Seed of resampling and of shuffled images.")
}
