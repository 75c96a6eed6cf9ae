import CarinaRuntime
import Foundation

extension DecoderConfig {
  /// Reads a decoder's `config.json` in any of its dialects: `rope_parameters` for each kind of layer (transformers 5),
  /// `rope_theta` and `rope_local_base_freq` with `layer_types` (4.53 to 4.57) or with `sliding_window_pattern`
  /// (before). Of a joined model ("gemma3", "llava") the text part is read, from `text_config`.
  ///
  /// An omitted key means the class default of transformers. A key that changes the computation and is not supported is
  /// refused by name; dropout rates are accepted and not applied.
  /// - Throws: `CarinaError.badData` that names the file and the key.
  package init(json: JSONValue, source: String) throws {
    self = try DecoderConfig.read(json, source: source).config
  }

  /// As `init(json:source:)`; also gives what there is to say of the keys, for the log.
  package static func read(_ json: JSONValue, source: String) throws -> ConfigReading<DecoderConfig> {
    let whole = try ConfigObject(json, source: source)
    let keys = try textPart(of: whole)
    // In a joined Gemma 3 the ends and the tie stand outside; what the text part says of its tie is not heeded. A LLaVA
    // is tied where either says so, and its text part does where it says nothing.
    let joined = JoinedModelKind(configuration: json), isJoined = joined != nil
    let isTied =
      joined == .llava
      ? try whole.flag("tie_word_embeddings", default: false) || keys.flag("tie_word_embeddings", default: true)
      : try whole.flag("tie_word_embeddings", default: true)
    let ends = isJoined && whole.value("eos_token_id") != nil ? whole : keys
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
    let endTokens = try ends.tokens("eos_token_id", default: [1], below: vocabulary)
    let beginTokens = try keys.tokens("bos_token_id", default: [2], below: vocabulary)
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
      endTokens: endTokens.ids,
      padToken: try keys.token("pad_token_id", default: 0, below: vocabulary),
      beginToken: beginTokens.ids.first,
      hasOwnHead: !isTied)
    guard config.attentionScale > 0, config.attentionScale.isFinite else {
      throw keys.wrong("query_pre_attn_scalar", expected: "a number near the head size")
    }
    let unknown = keys.unknownKeys(besides: readKeys) + rotary.unknownKeys
    return ConfigReading(
      config: config, unknownKeys: isJoined ? whole.unknownKeys(besides: joinedKeys) + unknown : unknown,
      remarks: endTokens.remarks + beginTokens.remarks)
  }

  /// The same decoder that also stops at the end ids of a `generation_config.json`.
  /// - Throws: `CarinaError.badData` for ids that are none.
  package func addingEndTokens(
    ofGenerationConfig json: JSONValue, source: String
  ) throws -> (config: DecoderConfig, remarks: [String]) {
    let more = try ConfigObject(json, source: source).tokens("eos_token_id", default: [], below: vocabularySize)
    return (with(endTokens: endTokens + more.ids.filter { !endTokens.contains($0) }), more.remarks)
  }

  /// Keys around the text part of a joined model; those of its other parts are not the decoder's.
  private static let joinedKeys = SiglipDocument.llavaKeys.union([
    "boi_token_id", "boi_token_index", "bos_token_id", "eoi_token_id", "eoi_token_index", "eos_token_id",
    "image_token_id", "image_token_index", "mm_tokens_per_image", "pad_token_id", "quantization_config", "text_config",
    "tie_word_embeddings", "vision_config",
  ])

  private static let readKeys: Set<String> = [
    "attention_bias", "attn_logit_softcapping", "bos_token_id", "eos_token_id", "final_logit_softcapping", "head_dim",
    "hidden_activation", "hidden_size", "intermediate_size", "layer_types", "max_position_embeddings",
    "num_attention_heads", "num_hidden_layers", "num_key_value_heads", "pad_token_id", "partial_rotary_factor",
    "pruned_heads", "add_cross_attention", "quantization_config", "query_pre_attn_scalar", "rms_norm_eps",
    "rope_local_base_freq", "rope_parameters", "rope_scaling", "rope_theta", "sliding_window", "sliding_window_pattern",
    "tie_word_embeddings", "use_bidirectional_attention", "vocab_size",
  ]

  /// The decoder's own keys: the document's, or those of a joined model's text part.
  private static func textPart(of whole: ConfigObject) throws -> ConfigObject {
    switch whole.value("model_type")?.string {
    case "gemma3_text": return whole
    case let joined? where JoinedModelKind(rawValue: joined) != nil:
      let keys = try whole.child("text_config")
      if joined == "llava", keys.value("model_type") == nil {
        throw keys.refused(
          "model_type", because: "a LLaVA whose text_config names none has a Llama decoder", expected: "gemma3_text")
      }
      if let inner = keys.value("model_type"), inner.string != "gemma3_text" {
        throw keys.refused("model_type", because: "a decoder of another kind", expected: "gemma3_text")
      }
      try whole.require("quantization_config", in: [], because: "quantised weights cannot be read here")
      return keys
    case let other?:
      throw CarinaError(
        .badData, "model_type \"\(other)\" is no decoder that is supported", at: whole.source,
        expected: "gemma3_text, gemma3 or llava")
    case nil:
      throw CarinaError(
        .badData, "names no model_type", at: whole.source, expected: "\"model_type\": \"gemma3_text\" or \"gemma3\"")
    }
  }

  private static func refuseUnsupported(_ keys: ConfigObject) throws {
    try keys.require("attn_logit_softcapping", in: [], because: "attention scores are not capped here")
    try keys.require("final_logit_softcapping", in: [], because: "logits are not capped here")
    try keys.require("attention_bias", in: [false], because: "the attention projections here have no biases")
    try keys.require("use_bidirectional_attention", in: [false], because: "attention here is causal")
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
