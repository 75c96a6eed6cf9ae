import CarinaModel
import CarinaRuntime
import CarinaTensor

extension ModelDirectory {
  /// The decoder's configuration, with the ends that `generation_config.json` adds.
  /// - Throws: `CarinaError.missingInput`, `.badData`.
  package func decoderConfig() throws -> (config: DecoderConfig, unknownKeys: [String]) {
    let (config, unknown) = try DecoderConfig.read(configuration(), source: file("config.json"))
    guard has("generation_config.json") else { return (config, unknown) }
    let generation = try JSONValue.parseFile(file("generation_config.json"))
    return (
      try config.addingEndTokens(ofGenerationConfig: generation, source: file("generation_config.json")), unknown
    )
  }

  /// Reads a Gemma 3 decoder (`Gemma3ForCausalLM`).
  /// - Throws: `CarinaError.missingInput`, `.badData`; everything that does not fit the configuration in one error.
  public func loadDecoder(precision: ElementType) throws -> LoadedPart<Decoder> {
    let (config, unknown) = try decoderConfig()
    return try load(unknown, .decoder, precision: precision) { Decoder(config, from: $0) }
  }

  /// Reads the vision tower of a `SiglipVisionModel` or a `SiglipModel`; the latter's text tower is left out knowingly.
  /// - Throws: as `loadDecoder`.
  public func loadVisionEncoder(precision: ElementType) throws -> LoadedPart<VisionEncoder> {
    let (config, unknown) = try VisionConfig.read(configuration(), source: file("config.json"))
    return try load(unknown, .vision, precision: precision) {
      VisionEncoder(config, from: $0)
    }
  }

  /// The projector's sizes: from `projector_config.json`, or from the shapes of the weights where there is none.
  /// - Throws: `CarinaError.missingInput`, `.badData`.
  package func projectorConfig() throws -> ProjectorConfig {
    if has("projector_config.json") {
      return try ProjectorConfig(
        json: JSONValue.parseFile(file("projector_config.json")), source: file("projector_config.json"))
    }
    let weights = try weights()
    guard let first = weights.find("model.0.weight")?.entry.shape, first.count == 2,
      let second = weights.find("model.2.weight")?.entry.shape, second.count == 2, first.min() ?? 0 > 0,
      second.min() ?? 0 > 0
    else {
      throw CarinaError(
        .badData, "these are not the weights of a projector", at: path,
        expected: "model.0.weight and model.2.weight, both matrices",
        found: weights.names.prefix(6).joined(separator: ", "))
    }
    return ProjectorConfig(inputSize: first[1], hiddenSize: first[0], outputSize: second[0])
  }

  /// Reads a projector.
  /// - Throws: as `loadDecoder`.
  package func loadProjector(precision: ElementType) throws -> LoadedPart<Projector> {
    let config = try projectorConfig()
    return try load([], .projector, precision: precision) { Projector(config, from: $0) }
  }

  /// Builds a model from the directory's weights, in one error with everything that does not fit.
  /// - Throws: `CarinaError.missingInput`, `.badData`.
  package func load<Model>(
    _ unknownKeys: [String], _ format: TensorFormat, precision: ElementType, _ build: (ParameterSource) -> Model
  ) throws -> LoadedPart<Model> {
    let weights = try weights()
    let loader = StrictLoader(directory: weights, format: format, precision: precision)
    let model = build(loader)
    let summary = try loader.finish()
    return LoadedPart(model: model, directory: self, weights: weights, unknownKeys: unknownKeys, summary: summary)
  }
}
