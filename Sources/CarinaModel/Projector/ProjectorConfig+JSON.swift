import CarinaRuntime

extension ProjectorConfig {
  /// The values of `model_type` in a `projector_config.json`: the MLP's, that of an MLP over averages of patches (another
  /// one, so that who does not know of the pooling refuses it), and that of Gemma 3's form.
  static let modelType = "carina_mlp_projector", pooledModelType = "carina_pooled_mlp_projector"
  static let gemma3ModelType = "carina_gemma3_projector"

  /// Reads a `projector_config.json`.
  /// - Throws: `CarinaError.badData` that names the file and the key.
  package init(json: JSONValue, source: String) throws {
    let keys = try ConfigObject(json, source: source)
    func size(_ key: String) throws -> Int {
      guard keys.value(key) != nil else { throw keys.wrong(key, expected: "a size") }
      return try keys.size(key, default: 1)
    }
    let type = keys.value("model_type")?.string
    if type == ProjectorConfig.gemma3ModelType {
      let pooling = try PatchPooling(
        gridSize: size("grid_size"), tokenCount: size("mm_tokens_per_image"),
        epsilon: keys.epsilon("rms_norm_eps", default: 1e-6), source: source)
      self.init(inputSize: try size("input_size"), outputSize: try size("output_size"), pooling: pooling)
      return
    }
    guard let type, [ProjectorConfig.modelType, ProjectorConfig.pooledModelType].contains(type) else {
      throw keys.wrong(
        "model_type",
        expected:
          "\(ProjectorConfig.modelType), \(ProjectorConfig.pooledModelType) or \(ProjectorConfig.gemma3ModelType)")
    }
    try keys.require("hidden_act", in: ["gelu"], because: "the projector's activation is GELU with the error function")
    let pooling =
      type == ProjectorConfig.pooledModelType
      ? try PatchPooling(gridSize: size("grid_size"), factor: size("pool"), source: source) : nil
    self.init(
      inputSize: try size("input_size"), hiddenSize: try size("hidden_size"), outputSize: try size("output_size"),
      pooling: pooling)
  }

  /// Reads the sizes of the projector in the `config.json` of a joined model, beside those of its other two parts.
  /// - Throws: `CarinaError.badData` that names the file and the key.
  package init(joined json: JSONValue, vision: VisionConfig, decoder: DecoderConfig, source: String) throws {
    if JoinedModelKind(configuration: json) == .llava {
      let keys = try ConfigObject(json, source: source)
      try keys.requireNoNull(["multimodal_projector_bias", "projector_hidden_act"])
      try keys.require(
        "projector_hidden_act", in: ["gelu"], because: "the projector's activation is GELU with the error function")
      try keys.require("multimodal_projector_bias", in: [true], because: "the projector's maps have biases here")
      self.init(inputSize: vision.hiddenSize, hiddenSize: decoder.hiddenSize, outputSize: decoder.hiddenSize)
      return
    }
    let pooling = try PatchPooling(
      gridSize: vision.grid,
      tokenCount: ConfigObject(json, source: source).size("mm_tokens_per_image", default: 256),
      epsilon: vision.epsilon, source: source)
    self.init(inputSize: vision.hiddenSize, outputSize: decoder.hiddenSize, pooling: pooling)
  }

  /// What goes into `projector_config.json`.
  package var json: JSONValue {
    if form == .gemma3, let pooling {
      return [
        "model_type": .string(ProjectorConfig.gemma3ModelType),
        "grid_size": .integer(pooling.gridSize),
        "input_size": .integer(inputSize),
        "mm_tokens_per_image": .integer(pooling.tokenCount),
        "output_size": .integer(outputSize),
        "rms_norm_eps": .number(Double(pooling.epsilon)),
      ]
    }
    var object = JSONObject([
      ("model_type", .string(pooling == nil ? ProjectorConfig.modelType : ProjectorConfig.pooledModelType)),
      ("hidden_act", "gelu"), ("hidden_size", .integer(hiddenSize)), ("input_size", .integer(inputSize)),
      ("output_size", .integer(outputSize)),
    ])
    if let pooling {
      object["grid_size"] = .integer(pooling.gridSize)
      object["pool"] = .integer(pooling.factor)
    }
    return .object(object)
  }
}

extension PatchPooling {
  /// The pooling of a grid into so many rows.
  /// - Throws: `CarinaError.badData` where the rows are no square that divides the grid.
  package init(gridSize: Int, tokenCount: Int, epsilon: Float, source: String) throws {
    let side = Int(Double(tokenCount).squareRoot())
    guard side > 0, side * side == tokenCount, gridSize > 0, gridSize % side == 0 else {
      throw CarinaError(
        .badData, "mm_tokens_per_image does not divide the grid of patches", at: source,
        expected: "the square of a divisor of \(gridSize), the patches along a side", found: "\(tokenCount)")
    }
    self.init(gridSize: gridSize, tokensPerSide: side, epsilon: epsilon)
  }

  /// The pooling of a grid in blocks of so many patches along a side.
  /// - Throws: `CarinaError.badData` where they do not divide the grid.
  init(gridSize: Int, factor: Int, source: String) throws {
    guard factor > 0, gridSize > 0, gridSize % factor == 0 else {
      throw CarinaError(
        .badData, "pool does not divide the grid of patches", at: source,
        expected: "a divisor of \(gridSize), the patches along a side", found: "\(factor)")
    }
    self.init(gridSize: gridSize, tokensPerSide: gridSize / factor)
  }
}
