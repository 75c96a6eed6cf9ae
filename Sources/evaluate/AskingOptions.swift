import ArgumentParser
import Carina
import CommandOptions

/// What a model is asked about, and how.
struct AskingOptions: ParsableArguments {
  @OptionGroup var parts: ModelPartsOptions
  @Option(
    optional: PromptSettingList.declared.maximumAnswerTokens.worded(
      "Most ids of a reference's likelihood (default: the checkpoint's)."))
  var maximumAnswer: Int?
  @Option(help: ArgumentHelp("Shard directory with the questions.", valueName: "dir"))
  var shards: String?
  @Option(EvaluatorSettingList.declared.limit) var limit: Int?
  @Flag(EvaluatorSettingList.declared.withLikelihood) var likelihood: Bool
  @Option(help: "Whose image is shown: true, shuffled (another patient's), blank; joined by commas.")
  var arms = "true"
  @Option(EvaluatorSettingList.declared.batchSize) var batchSize: Int
  @OptionGroup var features: FeatureCacheOptions
  @OptionGroup var precision: PrecisionOptions
  @OptionGroup var weights: WeightsOptions
  @OptionGroup var memory: MemoryOptions

  /// The options given that ask a model, for the error when predictions are given too.
  var given: [String] {
    [
      ("--checkpoint", parts.checkpoint), ("--vision-model", parts.visionModel),
      ("--llm-path", parts.languageModelPath), ("--projector-path", parts.projectorPath), ("--shards", shards),
      ("--adapter", parts.adapter.first),
    ].filter { $0.1 != nil }.map(\.0) + (features.cacheVisionFeatures == nil ? [] : ["--cache-vision-features"])
  }

  /// The shard directory.
  func shardsPath() throws -> String {
    guard let shards else {
      throw CarinaError(
        .usage, "--shards is missing: there is nothing to ask about", expected: "--shards DIR, which preprocess wrote",
        remedy: "Answers made elsewhere are scored with --predictions instead.")
    }
    return shards
  }

  /// Loads the model, from one directory or from its parts, where what it will be asked fits into the memory.
  func model(_ options: EvaluatorOptions, _ shards: ShardDirectory) throws -> EvaluatorModel {
    try weights.check()
    let device = try precision.device(rounded: weights.rounded)
    let type = try precision.computingPrecision(rounded: weights.rounded).elementType
    var demand = AnswerDemand(options, shards: shards, maximumAnswerTokens: maximumAnswer)
    weights.apply(to: &demand)
    try memory.apply(to: &demand)
    let model = try parts.load(precision: type, for: demand, on: device)
    if let note = try weights.apply(to: model) { writeNote(note) }
    return try EvaluatorModel(model, maximumAnswerTokens: maximumAnswer)
  }
}
