import CarinaRuntime

extension VisionConfig {
  /// Reads a SigLIP vision tower's `config.json`: a tower of its own ("siglip_vision_model") or the `vision_config` of
  /// a whole model ("siglip") or of a joined one ("gemma3", "llava"). An omitted key means the class default of transformers.
  /// - Throws: `CarinaError.badData` that names the file and the key.
  package init(json: JSONValue, source: String) throws {
    self = try VisionConfig.read(json, source: source).config
  }

  /// As `init(json:source:)`; also gives the keys that were neither read nor known to be harmless, for the log.
  package static func read(_ json: JSONValue, source: String) throws -> (config: VisionConfig, unknownKeys: [String]) {
    let whole = try ConfigObject(json, source: source)
    let (keys, outer) = try SiglipDocument.part(
      of: whole, kind: "siglip_vision_model", under: "vision_config", noun: "vision encoder")
    let imageSize = try side(keys, "image_size", default: 224, most: 1 << 15)
    let patchSize = try side(keys, "patch_size", default: 16, most: 1 << 12)
    guard patchSize <= imageSize else {
      throw keys.wrong("patch_size", expected: "at most image_size, \(imageSize)")
    }
    let hiddenSize = try keys.size("hidden_size", default: 768)
    let config = VisionConfig(
      imageSize: imageSize, patchSize: patchSize,
      channelCount: try keys.size("num_channels", default: 3, most: 64),
      hiddenSize: hiddenSize,
      intermediateSize: try keys.size("intermediate_size", default: 3072),
      layerCount: try keys.size("num_hidden_layers", default: 12, most: 4096),
      headCount: try SiglipDocument.headCount(keys, hiddenSize: hiddenSize),
      epsilon: try keys.epsilon("layer_norm_eps", default: 1e-6),
      activation: try keys.activation("hidden_act"),
      hasPoolingHead: try keys.flag("vision_use_head", default: true))
    let read: Set<String> = SiglipDocument.sharedKeys.union([
      "image_size", "patch_size", "num_channels", "vision_use_head",
    ])
    return (config, outer + keys.unknownKeys(besides: read))
  }

  /// What goes into the `config.json` of a tower of its own, or under `vision_config`.
  package var json: JSONValue {
    [
      "model_type": "siglip_vision_model",
      "attention_dropout": .number(0),
      "hidden_act": activation.configName,
      "hidden_size": .integer(hiddenSize),
      "image_size": .integer(imageSize),
      "intermediate_size": .integer(intermediateSize),
      "layer_norm_eps": epsilon.shortestJSON,
      "num_attention_heads": .integer(headCount),
      "num_channels": .integer(channelCount),
      "num_hidden_layers": .integer(layerCount),
      "patch_size": .integer(patchSize),
      "vision_use_head": .bool(hasPoolingHead),
    ]
  }

  /// A side in pixels: a number, or two equal ones.
  private static func side(_ keys: ConfigObject, _ key: String, default fallback: Int, most: Int) throws -> Int {
    guard let pair = keys.value(key)?.array else { return try keys.size(key, default: fallback, most: most) }
    guard pair.count == 2, pair[0] == pair[1], let size = pair[0].int, size >= 1, size <= most else {
      throw keys.wrong(key, expected: "one side of a square from 1 to \(most)")
    }
    return size
  }
}
