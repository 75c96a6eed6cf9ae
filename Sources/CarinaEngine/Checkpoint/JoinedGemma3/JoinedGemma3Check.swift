import CarinaData
import CarinaModel
import CarinaRuntime
import CarinaTensor

/// Looks at a `Gemma3ForConditionalGeneration` before any weight is read: whether its configuration holds together, its
/// files have all tensors of all three parts in their shapes, and its image settings are its tower's.
enum JoinedGemma3Check {
  /// Refuses a directory that cannot be read as a whole.
  /// - Throws: `CarinaError.badData`, `.missingInput` naming file and key.
  static func require(_ directory: ModelDirectory) throws {
    let json = try directory.configuration(), source = directory.file("config.json")
    // The keys of all parts come before the files of the weights.
    let text = try DecoderConfig.read(json, source: source).config
    let vision = try VisionConfig.read(json, source: source).config
    let images = try JoinedGemma3Config(json: json, vocabularySize: text.vocabularySize, source: source)
    _ = try ProjectorConfig(joined: json, vision: vision, decoder: text, source: source)
    try requireProcessor(directory, images, vision)
    let decoder = try directory.decoderConfig(), tower = try directory.visionReading()
    let projector = try directory.projectorConfig()
    let weights = try directory.weights()
    try StrictLoader.look(at: weights, decoder.format) { _ = Decoder(decoder.config, from: $0) }
    try StrictLoader.look(at: weights, tower.format) { _ = VisionEncoder(tower.config, from: $0) }
    try StrictLoader.look(at: weights, .joinedProjector) { _ = Projector(projector, from: $0) }
  }

  /// Compares the processor's files with the configuration.
  private static func requireProcessor(
    _ directory: ModelDirectory, _ images: JoinedGemma3Config, _ vision: VisionConfig
  ) throws {
    let settings = try directory.imageSettings(defaultSize: vision.imageSize)
    try PipelineTransform(settings.transform, knowsPixels: false).require(vision, at: directory.path)
    let file = directory.file("processor_config.json")
    guard directory.has("processor_config.json"), let rows = try JSONValue.parseFile(file)["image_seq_length"],
      !rows.isNull
    else { return }
    guard rows.int == images.tokensPerImage else {
      throw CarinaError(
        .badData, "image_seq_length is not the mm_tokens_per_image of config.json", at: file,
        expected: "\(images.tokensPerImage)", found: try rows.serialized(),
        remedy: "Take both files from the same model.")
    }
  }
}
