import CarinaModel
import CarinaRuntime
import CarinaTensor

extension ModelDirectory {
  /// The decoder's configuration as it and the weights say it together, with the ends that `generation_config.json`
  /// adds; of a joined model that of its text part.
  /// - Throws: `CarinaError.missingInput`, `.badData`.
  package func decoderConfig() throws -> CheckpointReading<DecoderConfig> {
    let json = try configuration()
    let document = try DecoderConfig.read(json, source: file("config.json"))
    var config = document.config, remarks = document.remarks
    if has("generation_config.json") {
      let generation = try JSONValue.parseFile(file("generation_config.json"))
      let (more, others) = try config.addingEndTokens(
        ofGenerationConfig: generation, source: file("generation_config.json"))
      (config, remarks) = (more, remarks + others.filter { !remarks.contains($0) })
    }
    var reading = CheckpointReading(
      config: config, unknownKeys: document.unknownKeys, remarks: remarks,
      format: JoinedModelKind(configuration: json) == nil ? .decoder : .joinedDecoder)
    reading.findHead(in: try weights(), path: path)
    return reading
  }

  /// Reads a Gemma 3 decoder (`Gemma3ForCausalLM`), or that of a joined model.
  /// - Throws: `CarinaError.missingInput`, `.badData`; everything that does not fit the configuration in one error.
  package func loadDecoder(precision: ElementType, on backend: any Backend) throws -> LoadedPart<Decoder> {
    let reading = try decoderConfig()
    return try load(reading, precision: precision, on: backend) { Decoder(reading.config, from: $0) }
  }

  /// The vision tower's configuration as it and the weights say it together.
  /// - Throws: `CarinaError.missingInput`, `.badData`.
  package func visionReading() throws -> CheckpointReading<VisionConfig> {
    let json = try configuration()
    let (config, unknown) = try VisionConfig.read(json, source: file("config.json"))
    var reading = CheckpointReading(
      config: config, unknownKeys: unknown,
      format: JoinedModelKind(configuration: json) == nil ? .vision : .joinedVision)
    reading.findPoolingHead(in: try weights(), path: path)
    return reading
  }

  /// Reads the vision tower of a `SiglipVisionModel`, a `SiglipModel` or a joined model; what stands beside the tower
  /// is left out knowingly.
  /// - Throws: as `loadDecoder`.
  package func loadVisionEncoder(precision: ElementType, on backend: any Backend) throws -> LoadedPart<VisionEncoder> {
    let reading = try visionReading()
    return try load(reading, precision: precision, on: backend) { VisionEncoder(reading.config, from: $0) }
  }

  /// The projector's sizes: from `projector_config.json`, or from the shapes of the weights where there is none.
  /// - Throws: `CarinaError.missingInput`, `.badData`.
  package func projectorConfig() throws -> ProjectorConfig {
    if has("projector_config.json") {
      return try ProjectorConfig(
        json: JSONValue.parseFile(file("projector_config.json")), source: file("projector_config.json"))
    }
    if isJoined {
      // The configuration alone decides: the weights of the other parts need not be asked.
      let json = try configuration(), source = file("config.json")
      return try ProjectorConfig(
        joined: json, vision: VisionConfig(json: json, source: source),
        decoder: DecoderConfig(json: json, source: source), source: source)
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

  private func llavaRemarks() throws -> [String] {
    guard joinedKind == .llava else { return [] }
    let json = try configuration(), source = file("config.json")
    let config = try LlavaConfig(
      json: json, vision: VisionConfig(json: json, source: source),
      vocabularySize: DecoderConfig(json: json, source: source).vocabularySize, source: source)
    return try [config.remark(on: json, source: source)].compactMap { $0 }
  }

  /// Which joined model of transformers this is, whose parts are read by their own names; nil for another directory.
  package var joinedKind: JoinedModelKind? {
    guard !has("projector_config.json"), has("config.json") else { return nil }
    return (try? configuration()).flatMap(JoinedModelKind.init(configuration:))
  }

  /// Whether this is a joined model of transformers.
  package var isJoined: Bool { joinedKind != nil }

  /// Reads a projector.
  /// - Throws: as `loadDecoder`.
  package func loadProjector(precision: ElementType, on backend: any Backend) throws -> LoadedPart<Projector> {
    let config = try projectorConfig()
    let format: TensorFormat = joinedKind.map(TensorFormat.projector(in:)) ?? .projector(config)
    return try load(
      [], format, remarks: Self.torchRemarks(weights()) + llavaRemarks(), precision: precision, on: backend
    ) {
      Projector(config, from: $0)
    }
  }

  /// Builds a model from the directory's weights, in one error with everything that does not fit.
  /// - Throws: `CarinaError.missingInput`, `.badData`.
  package func load<Model>(
    _ unknownKeys: [String], _ format: TensorFormat, remarks: [String] = [], precision: ElementType,
    on backend: any Backend, _ build: (ParameterSource) -> Model
  ) throws -> LoadedPart<Model> {
    let weights = try weights()
    let loader = StrictLoader(directory: weights, format: format, precision: precision, on: backend)
    let model = build(loader)
    let summary = try loader.finish()
    return LoadedPart(
      model: model, directory: self, weights: weights, format: format, unknownKeys: unknownKeys, configRemarks: remarks,
      summary: summary)
  }

  private func load<Config, Model>(
    _ reading: CheckpointReading<Config>, precision: ElementType, on backend: any Backend,
    _ build: (ParameterSource) -> Model
  ) throws -> LoadedPart<Model> {
    try load(
      reading.unknownKeys, reading.format, remarks: reading.remarks, precision: precision, on: backend, build)
  }
}
