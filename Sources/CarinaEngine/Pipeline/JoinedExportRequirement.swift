import CarinaData
import CarinaModel
import CarinaRuntime
import CarinaText

/// What a model in parts has to be for the directory of a joined model to express it.
struct JoinedExportRequirement {
  /// The joined model that is asked for.
  let kind: JoinedModelKind
  /// Where the model in parts lies, for errors.
  let checkpoint: String
  /// What it says of itself, and the configurations of two of its parts.
  let manifest: CarinaManifest, projector: ProjectorConfig, vision: VisionConfig

  /// Refuses what such a directory cannot say.
  /// - Throws: `CarinaError.badData`.
  func require(_ transform: ImageTransform) throws {
    switch kind {
    case .gemma3: try requireGemma3()
    case .llava: try requireLlava()
    }
    guard transform.aspect == .squash else {
      throw refusal(
        "its images are not squashed", "images squashed into a square", "aspect \(transform.aspect.rawValue)",
        "Use it as it is, or train on shards of squashed images.")
    }
  }

  /// The pooling of Gemma 3's form.
  /// - Throws: `CarinaError.badData` for another form.
  var pooling: PatchPooling {
    get throws {
      guard projector.form == .gemma3, let pooling = projector.pooling else {
        throw refusal(
          "its projector is another", "Gemma 3's: averages of patches, a norm and a matrix",
          "an MLP of \(projector.hiddenSize) hidden units", Self.otherForm)
      }
      return pooling
    }
  }

  /// What the processor of transformers does in another way than the model was trained; nil where nothing is.
  var layoutRemark: String? {
    switch (kind, manifest.promptStyle) {
    case (.gemma3, .gemma3), (.llava, .gemma), (.llava, .gemma3), (.llava, .plain): nil
    case (.gemma3, let style):
      "the model was trained in the layout \(style.rawValue), and Gemma3Processor lays out gemma3: "
        + "expect other answers from it there, and the same here"
    case (.llava, .seed):
      "the model was trained in the layout seed, in which an answer begins with <bos> and a prompt does not: "
        + "where the tokenizer adds one, LlavaProcessor wants add_special_tokens=False"
    }
  }

  private func requireGemma3() throws {
    let pooling = try pooling
    guard manifest.feature == .postNorm else {
      throw refusal(
        "it reads other features", "features after the last norm", manifest.feature.rawValue, Self.otherForm)
    }
    guard pooling.epsilon == vision.epsilon else {
      throw refusal(
        "the norms of projector and vision encoder differ", "an epsilon of \(vision.epsilon) in both",
        "\(pooling.epsilon)", Self.otherForm)
    }
  }

  private func requireLlava() throws {
    let mlp = "LLaVA's: two maps with a GELU between them, as wide as the decoder (mlp2x), over all patches"
    let remedy = "Use it as it is, or train stage 1 and 2 with \(setting: ProjectorSettings.name(\.form)) mlp2x."
    guard projector.form != .gemma3 else {
      throw refusal(
        "its projector is another", mlp, "Gemma 3's form", "Export it as gemma3, or train one with an MLP.")
    }
    guard projector.form == .mlp2x else {
      throw refusal("its projector is another", mlp, "an MLP of \(projector.hiddenSize) hidden units", remedy)
    }
    if let pooling = projector.pooling {
      throw refusal(
        "its projector averages patches", mlp, "averages of \(pooling.factor) × \(pooling.factor) patches",
        "Use it as it is, or train one without \(setting: ProjectorSettings.name(\.pool)).")
    }
    guard manifest.feature == .preNorm else {
      throw refusal(
        "it reads other features", "features before the last norm (pre-norm), as LLaVA reads them",
        manifest.feature.rawValue,
        "Use it as it is, or train stage 1 and 2 with \(setting: FeatureSettings.name(\.feature)) pre-norm.")
    }
  }

  private static let otherForm = "Use it as it is, or train one of Gemma 3's form."

  private func refusal(_ what: String, _ expected: String, _ found: String, _ remedy: String) -> CarinaError {
    CarinaError(
      .badData, "the model cannot be written as a \(kind.architecture): \(what)", at: checkpoint,
      expected: expected, found: found, remedy: remedy)
  }
}
