import CarinaRuntime

extension TextEncoderConfig {
  /// Reads a SigLIP text tower's `config.json`: the `text_config` of a whole model ("siglip") or a tower of its own
  /// ("siglip_text_model"). An omitted key means the class default of transformers.
  /// - Throws: `CarinaError.badData` that names the file and the key.
  package init(json: JSONValue, source: String) throws {
    self = try TextEncoderConfig.read(json, source: source).config
  }

  /// As `init(json:source:)`; also gives the keys that were neither read nor known to be harmless, for the log.
  package static func read(
    _ json: JSONValue, source: String
  ) throws -> (config: TextEncoderConfig, unknownKeys: [String]) {
    let whole = try ConfigObject(json, source: source)
    let (keys, outer) = try SiglipDocument.part(
      of: whole, kind: "siglip_text_model", under: "text_config", noun: "text encoder")
    let hiddenSize = try keys.size("hidden_size", default: 768)
    let vocabulary = try keys.size("vocab_size", default: 32_000)
    let config = TextEncoderConfig(
      vocabularySize: vocabulary,
      maximumPositions: try keys.size("max_position_embeddings", default: 64),
      hiddenSize: hiddenSize,
      intermediateSize: try keys.size("intermediate_size", default: 3072),
      projectionSize: try keys.size("projection_size", default: hiddenSize),
      layerCount: try keys.size("num_hidden_layers", default: 12, most: 4096),
      headCount: try SiglipDocument.headCount(keys, hiddenSize: hiddenSize),
      epsilon: try keys.epsilon("layer_norm_eps", default: 1e-6),
      activation: try keys.activation("hidden_act"),
      padToken: try padToken(keys, below: vocabulary))
    let read = SiglipDocument.sharedKeys.union([
      // SigLIP texts begin with no id and end with what the tokenizer adds, so the two ids are not used.
      "bos_token_id", "eos_token_id", "max_position_embeddings", "pad_token_id", "projection_size", "vocab_size",
    ])
    return (config, outer + keys.unknownKeys(besides: read))
  }

  /// What goes under `text_config` of a whole model.
  package var json: JSONValue {
    [
      "model_type": "siglip_text_model",
      "attention_dropout": .number(0),
      "bos_token_id": nil,
      "eos_token_id": nil,
      "hidden_act": activation.configName,
      "hidden_size": .integer(hiddenSize),
      "intermediate_size": .integer(intermediateSize),
      "layer_norm_eps": epsilon.shortestJSON,
      "max_position_embeddings": .integer(maximumPositions),
      "num_attention_heads": .integer(headCount),
      "num_hidden_layers": .integer(layerCount),
      "pad_token_id": .integer(padToken),
      "projection_size": .integer(projectionSize),
      "vocab_size": .integer(vocabularySize),
    ]
  }

  private static func padToken(_ keys: ConfigObject, below count: Int) throws -> Int {
    guard let token = try keys.token("pad_token_id", default: 1, below: count) else {
      throw keys.wrong("pad_token_id", expected: "the id that fills up short texts, below \(count)")
    }
    return token
  }
}
