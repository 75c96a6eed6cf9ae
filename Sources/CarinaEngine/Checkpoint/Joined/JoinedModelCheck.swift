import CarinaData
import CarinaModel
import CarinaRuntime
import CarinaTensor

/// Looks at a joined model of transformers before any weight is read: whether its configuration holds together, its
/// files have all tensors of all three parts in their shapes, and its image settings are its tower's.
enum JoinedModelCheck {
  /// Refuses a directory that cannot be read as a whole.
  /// - Returns: whether the first row of the tower's features is left out.
  /// - Throws: `CarinaError.badData`, `.missingInput` naming file and key.
  static func require(_ directory: ModelDirectory, _ kind: JoinedModelKind) throws -> Bool {
    let json = try directory.configuration(), source = directory.file("config.json")
    // The keys of all parts come before the files of the weights.
    let text = try DecoderConfig.read(json, source: source).config
    let vision = try VisionConfig.read(json, source: source).config
    _ = try ProjectorConfig(joined: json, vision: vision, decoder: text, source: source)
    let processor: [ProcessorKey], dropsFirstPatch: Bool
    switch kind {
    case .gemma3:
      let images = try JoinedGemma3Config(json: json, vocabularySize: text.vocabularySize, source: source)
      processor = [("image_seq_length", .integer(images.tokensPerImage), "the mm_tokens_per_image")]
      dropsFirstPatch = false
    case .llava:
      let images = try LlavaConfig(json: json, vision: vision, vocabularySize: text.vocabularySize, source: source)
      processor = [
        ("patch_size", .integer(vision.patchSize), "the patch_size of the tower"),
        ("vision_feature_select_strategy", .string(images.strategy), "the vision_feature_select_strategy"),
        // A SigLIP has no row before its patches.
        ("num_additional_image_tokens", .integer(0), "that of a tower without a class token"),
      ]
      dropsFirstPatch = images.dropsFirstPatch
    }
    try requireProcessor(directory, processor, vision)
    let decoder = try directory.decoderConfig(), tower = try directory.visionReading()
    let projector = try directory.projectorConfig()
    let weights = try directory.weights()
    try StrictLoader.look(at: weights, decoder.format) { _ = Decoder(decoder.config, from: $0) }
    try StrictLoader.look(at: weights, tower.format) { _ = VisionEncoder(tower.config, from: $0) }
    try StrictLoader.look(at: weights, .projector(in: kind)) { _ = Projector(projector, from: $0) }
    return dropsFirstPatch
  }

  /// A key of `processor_config.json`, the value that goes with the configuration, and what that is there.
  private typealias ProcessorKey = (key: String, value: JSONValue, what: String)

  /// Compares the processor's files with the configuration.
  private static func requireProcessor(
    _ directory: ModelDirectory, _ expected: [ProcessorKey], _ vision: VisionConfig
  ) throws {
    let settings = try directory.imageSettings(defaultSize: vision.imageSize)
    try PipelineTransform(settings.transform, knowsPixels: false).require(vision, at: directory.path)
    let file = directory.file("processor_config.json")
    guard directory.has("processor_config.json") else { return }
    let found = try JSONValue.parseFile(file)
    for (key, value, what) in expected {
      guard let own = found[key], !own.isNull, own != value else { continue }
      throw CarinaError(
        .badData, "\(key) is not \(what) of config.json", at: file, expected: value.shown, found: own.shown,
        remedy: "Take both files from the same model.")
    }
  }
}
