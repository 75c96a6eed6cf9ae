import CarinaRuntime

/// What the settings of stage 0 are: shapes of the models, and the numbers of its two runs.
public struct BackboneSettingList: SettingList {
  /// The declarations.
  public static let declared = BackboneSettingList()

  /// Pieces of the tokenizer.
  public let vocabularySize = Setting("vocabulary_size", 1024, help: "Pieces of the tokenizer.")
  // The shapes are in the configuration of a run as the models' own descriptions.
  /// Side of a patch of the vision tower in pixels.
  public let patchSize = Setting("patch_size", 8, help: "Side of a patch in pixels.", record: .never)
  /// Width of the vision tower; the text tower has the same.
  public let visionWidth = Setting(
    "vision_width", 96, .atLeast(1), help: "Width of the vision tower.", record: .never)
  /// Blocks of the vision tower.
  public let visionLayers = Setting(
    "vision_layers", 2, .atLeast(1), help: "Blocks of the vision tower.", record: .never)
  /// Heads of the vision tower.
  public let visionHeads = Setting(
    "vision_heads", 4, .atLeast(1), help: "Heads of the vision tower.", record: .never)
  /// Blocks of the text tower.
  public let textLayers = Setting("text_layers", 2, .atLeast(1), help: "Blocks of the text tower.", record: .never)
  /// Width of the decoder.
  public let decoderWidth = Setting("decoder_width", 96, .atLeast(1), help: "Width of the decoder.", record: .never)
  /// Blocks of the decoder. Every sixth would be global; a small decoder has its last block global.
  public let decoderLayers = Setting("decoder_layers", 3, .atLeast(1), help: "Blocks of the decoder.", record: .never)
  /// Query heads of the decoder.
  public let decoderHeads = Setting(
    "decoder_heads", 4, .atLeast(1), help: "Query heads of the decoder.", record: .never)
  /// Key-value heads of the decoder.
  public let keyValueHeads = Setting(
    "key_value_heads", 2, .atLeast(1), help: "Key-value heads of the decoder.", record: .never)
  /// Tokens that a local block of the decoder looks back.
  public let window = Setting(
    "window", 128, help: "Tokens that a local block looks back.", section: .engine, record: .never)

  // The numbers of the two runs are in their configurations as training settings.
  /// Images of a step of the vision run.
  public let visionBatchSize = Setting(
    "vision_batch_size", 32, .atLeast(1), help: "Images of a step of the vision run.", record: .never)
  /// Passes of the vision run over the images.
  public let visionEpochs = Setting(
    "vision_epochs", 30, .atLeast(1), help: "Passes of the vision run over the images.", record: .never)
  /// Peak learning rate of the vision run.
  public let visionLearningRate = Setting(
    "vision_learning_rate", 1e-3, .notNegative, help: "Peak learning rate of the vision run.", record: .never)
  /// Texts of a step of the language run.
  public let languageBatchSize = Setting(
    "language_batch_size", 32, .atLeast(1), help: "Texts of a step of the language run.", record: .never)
  /// Passes of the language run over the texts.
  public let languageEpochs = Setting(
    "language_epochs", 4, .atLeast(1), help: "Passes of the language run over the texts.", record: .never)
  /// Peak learning rate of the language run.
  public let languageLearningRate = Setting(
    "language_learning_rate", 2e-3, .notNegative, help: "Peak learning rate of the language run.", record: .never)
  /// Where all randomness of both runs comes from.
  public let seed = Setting<UInt64>("seed", 0, help: "Seed of weights and of the order of samples.", record: .never)

  /// Refuses shapes that cannot be built.
  /// - Throws: `CarinaError.usage` naming the setting.
  public static func checkTogether(_ values: SettingValues<BackboneSettingList>) throws {
    func require(_ holds: Bool, _ name: SettingName, _ what: String, _ expected: String, _ found: Int) throws {
      guard !holds else { return }
      throw CarinaError(.usage, "\(setting: name) \(what)", expected: expected, found: "\(found)")
    }
    try require(
      values.visionWidth % values.visionHeads == 0, declared.visionWidth.name, "does not divide among the heads",
      "a multiple of \(values.visionHeads)", values.visionWidth)
    try require(
      values.decoderWidth % (2 * values.decoderHeads) == 0, declared.decoderWidth.name,
      "does not divide among the heads", "a multiple of \(2 * values.decoderHeads)", values.decoderWidth)
    try require(
      values.decoderHeads % values.keyValueHeads == 0, declared.keyValueHeads.name, "does not divide the heads",
      "a divisor of \(values.decoderHeads)", values.keyValueHeads)
  }
}
