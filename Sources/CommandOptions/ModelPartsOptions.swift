import ArgumentParser
import Carina

/// Which model answers: the directory of a training run's result, or the parts one by one.
public struct ModelPartsOptions: ParsableArguments {
  /// `final_model/` or `best_model/`.
  @Option(
    name: .long,
    help: ArgumentHelp(
      "The final_model or best_model directory of a training run, or a joined Gemma 3 or LLaVA (directory or id).",
      valueName: "dir"))
  public var checkpoint: String?
  /// The vision encoder.
  @Option(
    name: .long, help: "Instead of --checkpoint the parts: the SigLIP model, a directory or an id in the cache.")
  public var visionModel: String?
  /// The decoder.
  @Option(
    name: [.customLong("llm-path"), .customLong("llm"), .customLong("llm-name")], help: "The Gemma 3 model likewise.")
  public var languageModelPath: String?
  /// The projector.
  @Option(name: .customLong("projector-path"), help: "The directory of the projector, or a file of torch.save.")
  public var projectorPath: String?
  /// Layout of texts.
  @Option(
    optional: PromptSettingList.declared.style.worded(
      "Layout with parts: gemma, plain, seed or gemma3 (default: gemma). A checkpoint knows its own."))
  public var promptStyle: PromptStyle?
  /// A system text.
  @Option(
    PromptSettingList.declared.system.worded(
      "A system text before the question, in the style gemma3 (default: the checkpoint's)."))
  public var system: String?
  /// Features.
  @Option(
    optional: FeatureSettingList.declared.feature.worded(
      "With parts: post-norm or pre-norm features (default: post-norm)."))
  public var visionFeature: VisionFeature?
  /// First patch.
  @Flag(
    FeatureSettingList.declared.dropsFirstPatch.worded(
      "With parts: leave out the first patch, as checkpoints of the Python project expect."))
  public var dropFirstPatch: Bool
  /// Limit on questions.
  @Option(
    optional: PromptSettingList.declared.maximumQuestionTokens.worded(
      "Most ids of a question (default: the checkpoint's, \(AnsweringModel.defaultQuestionTokens) with parts)."))
  public var maximumQuestion: Int?

  /// Adapters.
  @Option(
    name: [.long, .customLong("adapter-path")],
    help: ArgumentHelp(
      "An adapter (PEFT's LoRA) beside the weights: its directory or id. Several are added in their order.",
      valueName: "dir"))
  public var adapter: [String] = []
  /// Another base.
  @Flag(name: .long, help: "Use adapters on another base than the one that they were trained on.")
  public var adapterAnyBase = false

  /// Whether models are fetched.
  @OptionGroup public var download: DownloadOptions

  /// The defaults.
  public init() {}

  private var adapters: AdapterChoice { AdapterChoice(adapter, acceptsOtherBase: adapterAnyBase) }

  /// Refuses a choice that is none, or two.
  /// - Throws: `CarinaError.usage`.
  public func check() throws {
    let parts = [
      ("--vision-model", visionModel), ("--llm-path", languageModelPath), ("--projector-path", projectorPath),
    ]
    if let maximumQuestion { try PromptSettingList.declared.maximumQuestionTokens.check(maximumQuestion) }
    guard checkpoint != nil else {
      let missing = parts.filter { $0.1 == nil }.map(\.0)
      guard missing.isEmpty else {
        throw CarinaError(
          .usage, "there is no model to answer",
          expected: "--checkpoint DIR, or --vision-model, --llm-path and --projector-path",
          found: missing.count == 3 ? "none of them" : "no \(missing.joined(separator: " and no "))")
      }
      return
    }
    var surplus = parts.filter { $0.1 != nil }.map(\.0)
    if promptStyle != nil { surplus.append("--prompt-style") }
    if visionFeature != nil { surplus.append("--vision-feature") }
    if dropFirstPatch { surplus.append("--drop-first-patch") }
    guard surplus.isEmpty else {
      throw CarinaError(
        .usage, "--checkpoint and \(surplus.joined(separator: ", ")) cannot go together",
        remedy: "The checkpoint says all of that itself; name either it or the parts.")
    }
  }

  /// Loads the model.
  /// - Parameter demand: what it will be asked, for the forecast of the memory; nil where it is not asked.
  /// - Throws: `CarinaError.usage`, `.missingInput`, `.badData`.
  public func load(precision: ElementType, for demand: AnswerDemand? = nil, on device: Device) throws -> AnsweringModel
  {
    try check()
    guard let visionModel, let languageModelPath, let projectorPath else {
      return try AnsweringModel.load(
        checkpoint: checkpoint ?? "", precision: precision, maximumQuestionTokens: maximumQuestion,
        system: system, adapters: adapters, for: demand, on: device)
    }
    var parts = ModelParts(visionModel: visionModel, languageModel: languageModelPath, projector: projectorPath)
    parts.promptStyle = promptStyle ?? .gemma
    parts.system = system
    parts.feature = visionFeature ?? .postNorm
    parts.dropsFirstPatch = dropFirstPatch
    return try AnsweringModel.load(
      parts, precision: precision, maximumQuestionTokens: maximumQuestion ?? AnsweringModel.defaultQuestionTokens,
      adapters: adapters, for: demand, on: device)
  }

  /// Lines for the run's header, with what the loaded model says of itself.
  public func header(_ answering: AnsweringModel) -> [(name: String, value: String)] {
    var lines: [(name: String, value: String)] =
      checkpoint.map { [("checkpoint", $0)] }
      ?? [
        ("vision-model", visionModel ?? ""), ("llm-path", languageModelPath ?? ""),
        ("projector-path", projectorPath ?? ""),
      ]
    lines += [
      ("prompt-style", answering.renderer.style.rawValue),
      ("max-q-len", "\(answering.renderer.maximumQuestionTokens)"),
      ("projector-form", answering.model.projector.summary),
      ("vision-feature", answering.model.feature.rawValue),
      ("drop-first-patch", "\(answering.model.dropsFirstPatch)"),
      ("transform", answering.transform.id),
    ]
    lines += answering.adapterLines.map { ("adapter", $0) }
    if let system = answering.renderer.system { lines.append(("system", system)) }
    if let assumption = answering.imageAssumption { lines.append(("image-settings", assumption)) }
    if let forecast = answering.forecast {
      lines += [("memory", forecast.summary), ("packed weights", forecast.packedCopies)]
    }
    return lines
  }
}
