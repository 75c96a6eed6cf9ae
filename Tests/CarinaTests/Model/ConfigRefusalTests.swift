import TestSupport
import Testing

import Carina

@Suite struct ConfigRefusalTests {
  private func decoder(_ changes: [(String, JSONValue)]) throws -> DecoderConfig {
    guard case .object(var object) = try CheckpointGoldens.json("model/gemma-window-short/config.json") else {
      throw CarinaError(.internalFailure, "the golden is no object")
    }
    for (key, value) in changes { object[key] = value }
    return try DecoderConfig(json: .object(object), source: "/models/x/config.json")
  }

  private func vision(_ changes: [(String, JSONValue)]) throws -> VisionConfig {
    guard case .object(var object) = try CheckpointGoldens.json("model/joined-bare-tower/vision/config.json") else {
      throw CarinaError(.internalFailure, "the golden is no object")
    }
    for (key, value) in changes { object[key] = value }
    return try VisionConfig(json: .object(object), source: "/models/x/config.json")
  }

  @Test(
    "a decoder's key that changes the computation is refused by name",
    arguments: [
      ("attn_logit_softcapping", 50.0), ("final_logit_softcapping", 30), ("attention_bias", true),
      ("use_bidirectional_attention", true), ("hidden_activation", "gelu"),
      ("partial_rotary_factor", 0.5), ("quantization_config", ["bits": 4]),
      ("rope_scaling", ["rope_type": "yarn", "factor": 8.0]), ("rope_scaling", ["type": "llama3"]),
      ("rope_parameters", ["rope_theta": 10_000, "rope_type": "default"]),
      ("rope_parameters", ["full_attention": ["rope_type": "dynamic", "factor": 2.0]]),
      ("rope_parameters", ["sliding_attention": ["rope_type": "linear", "factor": 2.0]]),
      ("layer_types", ["full_attention", "chunked_attention", "full_attention", "full_attention", "full_attention"]),
    ] as [(String, JSONValue)])
  func unsupported(key: String, value: JSONValue) throws {
    let error = try #require(thrownCarinaError { try decoder([(key, value)]) })
    #expect(error.kind == .badData)
    #expect(error.what.contains(key.split(separator: "_").first ?? "?"))
    #expect(error.what.contains("changes the computation"))
    #expect(error.location == "/models/x/config.json")
  }

  @Test("what changes nothing is accepted, and an unknown key is reported")
  func harmless() throws {
    let same = try decoder([])
    #expect(
      try decoder([
        ("attention_dropout", 0.1), ("rope_scaling", nil), ("attn_logit_softcapping", nil), ("temperature", 0.7),
        ("partial_rotary_factor", 1.0), ("rope_scaling", ["rope_type": "default"]),
      ]) == same)
    var object = try #require(try CheckpointGoldens.json("model/gemma-window-short/config.json").object)
    object["altitude"] = 3
    object["rope_scaling"] = ["rope_type": "linear", "factor": 2.0, "wobble": 1]
    let unknown = try DecoderConfig.read(
      .object(
        {
          var copy = object
          copy["rope_parameters"] = nil
          return copy
        }()), source: "x"
    ).unknownKeys
    #expect(unknown == ["altitude", "rope_scaling.wobble"])
  }

  @Test(
    "an impossible decoder is bad data that names the key",
    arguments: [
      ("hidden_size", 0), ("hidden_size", -20), ("hidden_size", "20"), ("hidden_size", 1.5),
      ("hidden_size", .integer(Int.max)), ("num_hidden_layers", 0), ("num_hidden_layers", 4), ("head_dim", 7),
      ("num_key_value_heads", 3), ("vocab_size", 0), ("intermediate_size", 1_000_000_000_000),
      ("eos_token_id", -1), ("eos_token_id", [1, "x"]), ("pad_token_id", -1), ("sliding_window", nil),
      ("rms_norm_eps", 0), ("rope_theta", 5.0), ("query_pre_attn_scalar", 0), ("layer_types", "full_attention"),
      ("hidden_size", .number(.infinity)), ("rms_norm_eps", .number(.nan)), ("rms_norm_eps", .number(.infinity)),
      ("rope_theta", .number(-.infinity)), ("query_pre_attn_scalar", .number(.nan)),
      ("query_pre_attn_scalar", 1e300), ("vocab_size", .digits("123456789012345678901")),
    ] as [(String, JSONValue)])
  func impossible(key: String, value: JSONValue) throws {
    let error = try #require(thrownCarinaError { try decoder([(key, value)]) })
    #expect(error.kind == .badData)
    let named = key == "num_hidden_layers" && value == 4 ? "layer_types" : key
    #expect(error.what.contains("\"\(named)\""))
  }

  @Test("a scale of the scores beyond whole numbers is written again as the number it is")
  func largeScalar() throws {
    for value in [1e30, 1e-30] {
      let written = try decoder([("query_pre_attn_scalar", .number(value))]).json["query_pre_attn_scalar"]
      expectClose([try #require(written?.double)], [value], relative: 1e-5)
    }
  }

  @Test("an impossible vision encoder is bad data that names the key")
  func impossibleVision() throws {
    for (key, value) in [
      ("num_attention_heads", 4), ("image_size", 3), ("image_size", 0), ("patch_size", -4),
      ("hidden_act", "quick_gelu"),
      ("image_size", [12, 16]), ("num_channels", 0), ("layer_norm_eps", -1e-6), ("vision_use_head", "yes"),
    ] as [(String, JSONValue)] {
      let error = try #require(thrownCarinaError { try vision([(key, value)]) })
      #expect(error.kind == .badData)
      #expect(error.what.contains(key == "image_size" && value == 3 ? "patch_size" : key))
    }
    #expect(try vision([("image_size", [12, 12])]) == vision([]))
  }

  @Test("an unknown kind of model is refused by its name")
  func modelTypes() throws {
    for name in ["llama", "gemma3n", "gemma2"] {
      #expect(thrownCarinaError { try decoder([("model_type", .string(name))]) }?.what.contains("\"\(name)\"") == true)
    }
    #expect(thrownCarinaError { try decoder([("model_type", nil)]) }?.what.contains("model_type") == true)
    for name in ["clip", "clip_vision_model", "siglip2"] {
      #expect(thrownCarinaError { try vision([("model_type", .string(name))]) }?.what.contains("\"\(name)\"") == true)
    }
    let odd: JSONValue = ["model_type": "siglip", "vision_config": ["model_type": "dinov2"]]
    #expect(thrownCarinaError { try VisionConfig(json: odd, source: "x") }?.what.contains("vision_config.") == true)
    #expect(thrownCarinaError { try VisionConfig(json: [1], source: "x") }?.kind == .badData)
    #expect(
      thrownCarinaError { try VisionConfig(json: ["model_type": "siglip", "vision_config": 3], source: "x") }?.kind
        == .badData)
    #expect(thrownCarinaError { try ProjectorConfig(json: ["model_type": "linear"], source: "x") }?.kind == .badData)
  }
}
