import CarinaRuntime

extension ProjectorConfig {
  /// The values of `model_type` in a `projector_config.json`: the MLP's, and that of Gemma 3's form.
  static let modelType = "carina_mlp_projector", pooledModelType = "carina_gemma3_projector"

  /// Reads a `projector_config.json`.
  /// - Throws: `CarinaError.badData` that names the file and the key.
  package init(json: JSONValue, source: String) throws {
    let keys = try ConfigObject(json, source: source)
    func size(_ key: String) throws -> Int {
      guard keys.value(key) != nil else { throw keys.wrong(key, expected: "a size") }
      return try keys.size(key, default: 1)
    }
    if keys.value("model_type")?.string == ProjectorConfig.pooledModelType {
      let pooling = try PatchPooling(
        gridSize: size("grid_size"), tokenCount: size("mm_tokens_per_image"),
        epsilon: keys.epsilon("rms_norm_eps", default: 1e-6), source: source)
      self.init(inputSize: try size("input_size"), outputSize: try size("output_size"), pooling: pooling)
      return
    }
    guard keys.value("model_type")?.string == ProjectorConfig.modelType else {
      throw keys.wrong(
        "model_type", expected: "\(ProjectorConfig.modelType) or \(ProjectorConfig.pooledModelType)")
    }
    try keys.require("hidden_act", in: ["gelu"], because: "the projector's activation is GELU with the error function")
    self.init(
      inputSize: try size("input_size"), hiddenSize: try size("hidden_size"), outputSize: try size("output_size"))
  }

  /// Reads the sizes of the projector in the `config.json` of a `Gemma3ForConditionalGeneration`, beside those of its
  /// other two parts.
  /// - Throws: `CarinaError.badData` that names the file and the key.
  package init(joined json: JSONValue, vision: VisionConfig, decoder: DecoderConfig, source: String) throws {
    let pooling = try PatchPooling(
      gridSize: vision.grid,
      tokenCount: ConfigObject(json, source: source).size("mm_tokens_per_image", default: 256),
      epsilon: vision.epsilon, source: source)
    self.init(inputSize: vision.hiddenSize, outputSize: decoder.hiddenSize, pooling: pooling)
  }

  /// What goes into `projector_config.json`.
  package var json: JSONValue {
    if let pooling {
      return [
        "model_type": .string(ProjectorConfig.pooledModelType),
        "grid_size": .integer(pooling.gridSize),
        "input_size": .integer(inputSize),
        "mm_tokens_per_image": .integer(pooling.tokenCount),
        "output_size": .integer(outputSize),
        "rms_norm_eps": .number(Double(pooling.epsilon)),
      ]
    }
    return [
      "model_type": .string(ProjectorConfig.modelType),
      "hidden_act": "gelu",
      "hidden_size": .integer(hiddenSize),
      "input_size": .integer(inputSize),
      "output_size": .integer(outputSize),
    ]
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
}
