import ArgumentParser
import Carina
import CommandOptions

/// Which model is asked, what about, and how.
struct AskingOptions: ParsableArguments {
  @Option(help: ArgumentHelp("A joined model: the final_model or best_model of a run.", valueName: "dir"))
  var checkpoint: String?
  @Option(help: "Instead of --checkpoint: the SigLIP checkpoint, a directory or an id in the Hugging Face cache.")
  var visionModel: String?
  @Option(
    name: [.customLong("llm-path"), .customLong("llm")],
    help: "Instead of --checkpoint: the Gemma 3 checkpoint, a directory or an id in the Hugging Face cache.")
  var languageModel: String?
  @Option(help: ArgumentHelp("Instead of --checkpoint: the projection_layer directory.", valueName: "dir"))
  var projectorPath: String?
  @Option(help: "With the parts: gemma, plain or seed (default: gemma).")
  var promptStyle: PromptStyle?
  @Option(help: "With the parts: post-norm or pre-norm features of the vision encoder (default: post-norm).")
  var visionFeature: VisionFeature?
  @Flag(help: "With the parts: leave out the first patch, as checkpoints of the Python project expect.")
  var dropFirstPatch = false
  @Option(name: .customLong("max-q-len"), help: "Most ids of a question (default: the checkpoint's).")
  var maximumQuestion: Int?
  @Option(name: .customLong("max-a-len"), help: "Most ids of a reference's likelihood (default: the checkpoint's).")
  var maximumAnswer: Int?
  @Option(help: ArgumentHelp("Shard directory with the questions.", valueName: "dir"))
  var shards: String?
  @Option(help: "Ask only so many questions, from the start.")
  var limit: Int?
  @Flag(help: "Also take the likelihood of the references.")
  var likelihood = false
  @Option(help: "Whose image is shown: true, shuffled (another patient's), blank; joined by commas.")
  var arms = "true"
  @Option(help: "Questions that are answered side by side.")
  var batchSize = 32
  @Option(help: "auto, bf16 or fp32.")
  var precision = "auto"
  @Option(help: "Library for matrix products: openblas or onednn (default: onednn where it works).")
  var matmul: String?

  /// The parts that were named, by option.
  private var parts: [(option: String, isGiven: Bool)] {
    [
      ("--vision-model", visionModel != nil), ("--llm-path", languageModel != nil),
      ("--projector-path", projectorPath != nil),
    ]
  }

  /// The options given that ask a model, for the error when predictions are given too.
  var given: [String] {
    ([("--checkpoint", checkpoint != nil), ("--shards", shards != nil)] + parts).filter(\.1).map(\.0)
  }

  /// The shard directory.
  func shardsPath() throws -> String {
    guard let shards else { throw CarinaError(.usage, "--shards is missing: there is nothing to ask about") }
    return shards
  }

  /// What the model is called in the header.
  var modelName: String {
    checkpoint ?? [visionModel, languageModel, projectorPath].compactMap { $0 }.joined(separator: " + ")
  }

  /// Loads the model, from one directory or from its parts.
  func model() throws -> EvaluatorModel {
    if let matmul {
      guard let choice = MatrixProductChoice(rawValue: matmul) else {
        throw CarinaError(.usage, "--matmul is not known", expected: "openblas or onednn", found: matmul)
      }
      MatrixProduct.provider = try choice.provider()
    }
    let precision = try ComputingPrecision(option: precision).elementType
    let limits = EvaluatorModel.Limits(question: maximumQuestion, answer: maximumAnswer)
    if let checkpoint {
      let extra =
        parts.filter(\.isGiven).map(\.option)
        + [
          promptStyle == nil ? nil : "--prompt-style", visionFeature == nil ? nil : "--vision-feature",
          dropFirstPatch ? "--drop-first-patch" : nil,
        ].compactMap { $0 }
      guard extra.isEmpty else {
        throw CarinaError(
          .usage, "--checkpoint stands alone: the checkpoint says these itself", found: extra.joined(separator: ", "))
      }
      return try EvaluatorModel(checkpoint: checkpoint, limits: limits, precision: precision)
    }
    guard let visionModel, let languageModel, let projectorPath else {
      throw CarinaError(
        .usage, "no model is named",
        expected: "--checkpoint, or --vision-model, --llm-path and --projector-path, or answers with --predictions",
        found: parts.filter(\.isGiven).map(\.option).joined(separator: ", "))
    }
    var parts = EvaluatorModel.Parts(vision: visionModel, language: languageModel, projector: projectorPath)
    parts.promptStyle = promptStyle ?? .gemma
    parts.feature = visionFeature ?? .postNorm
    parts.dropsFirstPatch = dropFirstPatch
    return try EvaluatorModel(parts, limits: limits, precision: precision)
  }
}
