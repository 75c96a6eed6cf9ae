import CarinaRuntime
import Foundation

extension DecoderConfig {
  /// Reads a decoder's `config.json` in any of its dialects: `rope_parameters` for each kind of layer (transformers 5),
  /// `rope_theta` and `rope_local_base_freq` with `layer_types` (4.53 to 4.57) or with `sliding_window_pattern`
  /// (before).
  ///
  /// An omitted key means the class default of transformers. A key that changes the computation and is not supported is
  /// refused by name; dropout rates are accepted and not applied.
  /// - Throws: `CarinaError.badData` that names the file and the key.
  package init(json: JSONValue, source: String) throws {
    self = try DecoderConfig.read(json, source: source).config
  }

  /// As `init(json:source:)`; also gives the keys that were neither read nor known to be harmless, for the log.
  package static func read(_ json: JSONValue, source: String) throws -> (config: DecoderConfig, unknownKeys: [String]) {
    let keys = try ConfigObject(json, source: source)
    try checkModelType(keys)
    try refuseUnsupported(keys)
    let layerCount = try keys.size("num_hidden_layers", default: 26, most: 4096)
    let localLayers = try layerKinds(keys, count: layerCount)
    let headCount = try keys.size("num_attention_heads", default: 8, most: 4096)
    let keyValueHeadCount = try keys.size("num_key_value_heads", default: 4, most: 4096)
    guard headCount % keyValueHeadCount == 0 else {
      throw keys.wrong("num_key_value_heads", expected: "a divisor of num_attention_heads, \(headCount)")
    }
    let headSize = try keys.size("head_dim", default: 256, most: 4096)
    guard headSize % 2 == 0 else { throw keys.wrong("head_dim", expected: "an even number, for the rotary embedding") }
    let positions = try keys.size("max_position_embeddings", default: 131_072)
    let vocabulary = try keys.size("vocab_size", default: 262_208)
    let rotary = try RotarySettings(keys)
    let config = DecoderConfig(
      vocabularySize: vocabulary,
      hiddenSize: try keys.size("hidden_size", default: 2304),
      intermediateSize: try keys.size("intermediate_size", default: 9216),
      headCount: headCount, keyValueHeadCount: keyValueHeadCount, headSize: headSize,
      layerIsLocal: localLayers,
      window: try window(keys, isNeeded: localLayers.contains(true), positions: positions),
      localRotaryBase: rotary.localBase, globalRotaryBase: rotary.globalBase, globalRotaryScale: rotary.globalScale,
      attentionScale: Float(pow(try keys.positive("query_pre_attn_scalar", default: 256), -0.5)),
      epsilon: try keys.epsilon("rms_norm_eps", default: 1e-6),
      maximumPositions: positions,
      endTokens: try keys.tokens("eos_token_id", default: [1], below: vocabulary),
      padToken: try keys.token("pad_token_id", default: 0, below: vocabulary),
      beginToken: try keys.token("bos_token_id", default: 2, below: vocabulary))
    guard config.attentionScale > 0, config.attentionScale.isFinite else {
      throw keys.wrong("query_pre_attn_scalar", expected: "a number near the head size")
    }
    return (config, keys.unknownKeys(besides: readKeys) + rotary.unknownKeys)
  }

  /// The same decoder that also stops at the end ids of a `generation_config.json`.
  /// - Throws: `CarinaError.badData` for ids that are none.
  package func addingEndTokens(ofGenerationConfig json: JSONValue, source: String) throws -> DecoderConfig {
    let keys = try ConfigObject(json, source: source)
    let more = try keys.tokens("eos_token_id", default: [], below: vocabularySize).filter { !endTokens.contains($0) }
    return DecoderConfig(
      vocabularySize: vocabularySize, hiddenSize: hiddenSize, intermediateSize: intermediateSize, headCount: headCount,
      keyValueHeadCount: keyValueHeadCount, headSize: headSize, layerIsLocal: layerIsLocal, window: window,
      localRotaryBase: localRotaryBase, globalRotaryBase: globalRotaryBase, globalRotaryScale: globalRotaryScale,
      attentionScale: attentionScale, epsilon: epsilon, maximumPositions: maximumPositions,
      endTokens: endTokens + more, padToken: padToken, beginToken: beginToken)
  }

  private static let readKeys: Set<String> = [
    "attention_bias", "attn_logit_softcapping", "bos_token_id", "eos_token_id", "final_logit_softcapping", "head_dim",
    "hidden_activation", "hidden_size", "intermediate_size", "layer_types", "max_position_embeddings",
    "num_attention_heads", "num_hidden_layers", "num_key_value_heads", "pad_token_id", "partial_rotary_factor",
    "pruned_heads", "add_cross_attention", "quantization_config", "query_pre_attn_scalar", "rms_norm_eps",
    "rope_local_base_freq", "rope_parameters", "rope_scaling", "rope_theta", "sliding_window", "sliding_window_pattern",
    "tie_word_embeddings", "use_bidirectional_attention", "vocab_size",
  ]

  private static func checkModelType(_ keys: ConfigObject) throws {
    switch keys.value("model_type")?.string {
    case "gemma3_text": return
    case "gemma3":
      throw CarinaError(
        .badData, "model_type \"gemma3\" is the multimodal Gemma 3, which is not supported", at: keys.source,
        expected: "gemma3_text",
        remedy: "Save its language model alone: Gemma3ForCausalLM.from_pretrained(SOURCE).save_pretrained(TARGET).")
    case let other?:
      throw CarinaError(
        .badData, "model_type \"\(other)\" is no decoder that is supported", at: keys.source, expected: "gemma3_text")
    case nil:
      throw CarinaError(
        .badData, "names no model_type", at: keys.source, expected: "\"model_type\": \"gemma3_text\"")
    }
  }

  private static func refuseUnsupported(_ keys: ConfigObject) throws {
    try keys.require("attn_logit_softcapping", in: [], because: "attention scores are not capped here")
    try keys.require("final_logit_softcapping", in: [], because: "logits are not capped here")
    try keys.require("attention_bias", in: [false], because: "the attention projections here have no biases")
    try keys.require("use_bidirectional_attention", in: [false], because: "attention here is causal")
    try keys.require("tie_word_embeddings", in: [true], because: "the head here is the embedding table")
    try keys.require("hidden_activation", in: ["gelu_pytorch_tanh"], because: "the gate here is tanh GELU")
    try keys.require("partial_rotary_factor", in: [1], because: "whole heads are rotated here")
    try keys.require("add_cross_attention", in: [false], because: "there is no cross-attention here")
    try keys.require("pruned_heads", in: [[:], []], because: "heads cannot be left out here")
    try keys.require("quantization_config", in: [], because: "quantised weights cannot be read here")
  }

  private static func layerKinds(_ keys: ConfigObject, count: Int) throws -> [Bool] {
    guard let list = keys.value("layer_types") else {
      let pattern = try keys.size("sliding_window_pattern", default: 6)
      return (0..<count).map { ($0 + 1) % pattern != 0 }
    }
    guard let kinds = list.array, kinds.count == count else {
      throw keys.wrong("layer_types", expected: "a list of \(count), as num_hidden_layers says")
    }
    return try kinds.map { kind in
      switch kind.string {
      case "sliding_attention": return true
      case "full_attention": return false
      default:
        throw keys.refused(
          "layer_types", because: "a kind of layer is unknown", expected: "sliding_attention or full_attention")
      }
    }
  }

  private static func window(_ keys: ConfigObject, isNeeded: Bool, positions: Int) throws -> Int {
    if keys.object["sliding_window"]?.isNull == true {
      guard !isNeeded else { throw keys.wrong("sliding_window", expected: "a number, as some layers are local") }
      return positions
    }
    return try keys.size("sliding_window", default: 4096)
  }
}
