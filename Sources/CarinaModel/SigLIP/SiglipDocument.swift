import CarinaRuntime
import CarinaTensor

/// What the two towers' readings of a SigLIP `config.json` share.
enum SiglipDocument {
  /// Keys that both towers read.
  static let sharedKeys: Set<String> = [
    "hidden_act", "hidden_size", "intermediate_size", "layer_norm_eps", "num_attention_heads", "num_hidden_layers",
    "pruned_heads", "quantization_config",
  ]

  /// Keys of a LLaVA that stand around its parts.
  static let llavaKeys: Set<String> = [
    "image_seq_length", "multimodal_projector_bias", "projector_hidden_act", "vision_feature_layer",
    "vision_feature_select_strategy",
  ]

  /// The tower's own object: the document itself when its `model_type` is `kind`, what stands under `key` when it is
  /// "siglip", or for a vision tower "gemma3" or "llava"; and the unknown keys around it.
  static func part(
    of whole: ConfigObject, kind: String, under key: String, noun: String
  ) throws -> (keys: ConfigObject, outer: [String]) {
    let keys: ConfigObject
    var outer = [String]()
    switch whole.value("model_type")?.string {
    case kind: keys = whole
    case let joined?
    where joined == "siglip" || (JoinedModelKind(rawValue: joined) != nil && key == "vision_config"):
      keys = try whole.child(key)
      if joined == "llava", keys.value("model_type") == nil {
        throw keys.refused(
          "model_type", because: "a LLaVA whose vision_config names none has a CLIP tower", expected: kind)
      }
      if let inner = keys.value("model_type"), inner.string != kind {
        throw keys.refused("model_type", because: "a tower of another kind", expected: kind)
      }
      outer = whole.unknownKeys(
        besides: llavaKeys.union([
          "text_config", "text_config_dict", "vision_config", "vision_config_dict", "logit_scale_init_value",
          "quantization_config", "boi_token_id", "boi_token_index", "bos_token_id", "eoi_token_id", "eoi_token_index",
          "eos_token_id", "image_token_id", "image_token_index", "mm_tokens_per_image", "pad_token_id",
          "tie_word_embeddings",
        ]))
    case let other?:
      throw CarinaError(
        .badData, "model_type \"\(other)\" is no \(noun) that is supported", at: whole.source,
        expected: key == "vision_config" ? "\(kind), siglip, gemma3 or llava" : "\(kind) or siglip")
    case nil:
      throw CarinaError(
        .badData, "names no model_type", at: whole.source, expected: "\"model_type\": \"\(kind)\" or \"siglip\"")
    }
    for object in [whole, keys] {
      try object.require("quantization_config", in: [], because: "quantised weights cannot be read here")
      try object.require("pruned_heads", in: [[:], []], because: "heads cannot be left out here")
    }
    return (keys, outer)
  }

  /// The heads, which must divide the width.
  static func headCount(_ keys: ConfigObject, hiddenSize: Int) throws -> Int {
    let count = try keys.size("num_attention_heads", default: 12, most: 4096)
    guard hiddenSize % count == 0 else {
      throw keys.wrong("num_attention_heads", expected: "a divisor of hidden_size, \(hiddenSize)")
    }
    return count
  }
}

extension GELUKind {
  /// The name in `config.json`.
  var configName: JSONValue { self == .exact ? "gelu" : "gelu_pytorch_tanh" }
}
