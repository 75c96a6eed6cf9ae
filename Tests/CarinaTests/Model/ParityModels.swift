import Carina

/// Models from directories in Hugging Face layout, through the strict loader.
enum ParityModels {
  static func decoder(_ path: String, precision: ElementType = .float32) throws -> Decoder {
    let config = try DecoderConfig(json: JSONValue.parseFile(path + "/config.json"), source: path)
    return try loaded(path, .decoder, precision) { Decoder(config, from: $0) }
  }

  static func vision(_ path: String) throws -> VisionEncoder {
    let config = try VisionConfig(json: JSONValue.parseFile(path + "/config.json"), source: path)
    return try loaded(path, .vision) { VisionEncoder(config, from: $0) }
  }

  static func siglip(_ path: String) throws -> SiglipModel {
    let json = try JSONValue.parseFile(path + "/config.json")
    let vision = try VisionConfig(json: json, source: path), text = try TextEncoderConfig(json: json, source: path)
    return try loaded(path, .siglip) { SiglipModel(vision: vision, text: text, from: $0) }
  }

  /// The goldens' projectors have no `projector_config.json`; the sizes follow from the weights.
  static func projector(_ path: String) throws -> Projector {
    let weights = try WeightsDirectory(path: path)
    let expand = try weights.tensor(named: "model.0.weight").shape
    let contract = try weights.tensor(named: "model.2.weight").shape
    let config = ProjectorConfig(inputSize: expand[1], hiddenSize: expand[0], outputSize: contract[0])
    return try loaded(path, .projector) { Projector(config, from: $0) }
  }

  static func joined(_ golden: ParityGolden) throws -> VisionLanguageModel {
    try VisionLanguageModel(
      vision: vision(golden.path + "/vision"), projector: projector(golden.path + "/projection_layer"),
      decoder: decoder(golden.path + "/language_model"),
      feature: golden.facts["feature"]?.string == "pre-norm" ? .preNorm : .postNorm,
      dropsFirstPatch: golden.facts["drop_first_patch"]?.bool ?? false)
  }

  private static func loaded<Model>(
    _ path: String, _ format: TensorFormat, _ precision: ElementType = .float32, _ build: (StrictLoader) -> Model
  ) throws -> Model {
    let loader = StrictLoader(
      directory: try WeightsDirectory(path: path), format: format, precision: precision)
    let model = build(loader)
    try loader.finish()
    return model
  }
}
