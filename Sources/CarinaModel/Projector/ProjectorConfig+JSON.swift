import CarinaRuntime

extension ProjectorConfig {
  /// The value of `model_type` in a `projector_config.json`.
  static let modelType = "carina_mlp_projector"

  /// Reads a `projector_config.json`.
  /// - Throws: `CarinaError.badData` that names the file and the key.
  package init(json: JSONValue, source: String) throws {
    let keys = try ConfigObject(json, source: source)
    guard keys.value("model_type")?.string == ProjectorConfig.modelType else {
      throw keys.wrong("model_type", expected: ProjectorConfig.modelType)
    }
    try keys.require("hidden_act", in: ["gelu"], because: "the projector's activation is GELU with the error function")
    func size(_ key: String) throws -> Int {
      guard keys.value(key) != nil else { throw keys.wrong(key, expected: "a size") }
      return try keys.size(key, default: 1)
    }
    self.init(
      inputSize: try size("input_size"), hiddenSize: try size("hidden_size"), outputSize: try size("output_size"))
  }

  /// What goes into `projector_config.json`.
  package var json: JSONValue {
    [
      "model_type": .string(ProjectorConfig.modelType),
      "hidden_act": "gelu",
      "hidden_size": .integer(hiddenSize),
      "input_size": .integer(inputSize),
      "output_size": .integer(outputSize),
    ]
  }
}
