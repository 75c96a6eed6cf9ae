import CarinaRuntime
import Foundation

extension DecoderConfig {
  /// What goes into `config.json`: both `rope_parameters` (transformers 5) and the flat rotary keys with `layer_types`
  /// (4.53 and later), and `sliding_window_pattern` where the layers follow one, so that every version with Gemma 3
  /// opens it.
  ///
  /// `architectures` and `dtype` belong to the file, not to the decoder; whoever writes the directory adds them.
  package var json: JSONValue {
    var object = JSONObject([
      ("model_type", "gemma3_text"),
      ("attention_bias", false),
      ("attention_dropout", .number(0)),
      ("attn_logit_softcapping", nil),
      ("bos_token_id", beginToken.map { .integer($0) } ?? nil),
      ("eos_token_id", endTokensValue),
      ("final_logit_softcapping", nil),
      ("head_dim", .integer(headSize)),
      ("hidden_activation", "gelu_pytorch_tanh"),
      ("hidden_size", .integer(hiddenSize)),
      ("initializer_range", 0.02),
      ("intermediate_size", .integer(intermediateSize)),
      ("layer_types", .array(layerIsLocal.map { $0 ? "sliding_attention" : "full_attention" })),
      ("max_position_embeddings", .integer(maximumPositions)),
      ("num_attention_heads", .integer(headCount)),
      ("num_hidden_layers", .integer(layerCount)),
      ("num_key_value_heads", .integer(keyValueHeadCount)),
      ("pad_token_id", padToken.map { .integer($0) } ?? nil),
      ("query_pre_attn_scalar", queryScalar),
      ("rms_norm_eps", epsilon.shortestJSON),
      ("rope_local_base_freq", .number(localRotaryBase)),
      (
        "rope_parameters",
        [
          "full_attention": .object(fullRotary(withBase: true)),
          "sliding_attention": ["rope_theta": .number(localRotaryBase), "rope_type": "default"],
        ]
      ),
      ("rope_scaling", globalRotaryScale == 1 ? nil : .object(fullRotary(withBase: false))),
      ("rope_theta", .number(globalRotaryBase)),
      ("sliding_window", .integer(window)),
      ("tie_word_embeddings", .bool(!hasOwnHead)),
      ("use_bidirectional_attention", false),
      ("use_cache", true),
      ("vocab_size", .integer(vocabularySize)),
    ])
    if let pattern { object["sliding_window_pattern"] = .integer(pattern) }
    return .object(object)
  }

  private var endTokensValue: JSONValue {
    switch endTokens.count {
    case 0: .null
    case 1: .integer(endTokens[0])
    default: .array(endTokens.map { .integer($0) })
    }
  }

  /// The period p for which layer i is local exactly when (i + 1) % p ≠ 0; nil where there is none.
  private var pattern: Int? {
    let period = (layerIsLocal.firstIndex(of: false) ?? layerCount) + 1
    let isRegular = layerIsLocal.enumerated().allSatisfy { $1 == (($0 + 1) % period != 0) }
    return isRegular ? period : nil
  }

  /// q with q^−1/2 = `attentionScale`: the whole number it was read from wherever there is one.
  private var queryScalar: JSONValue {
    let exact = 1 / (Double(attentionScale) * Double(attentionScale))
    let whole = exact.rounded()
    // transformers takes whole numbers only; a scale that was rounded twice is still meant to be one.
    guard abs(exact - whole) < 1e-5 * whole, let scalar = Int(exactly: whole) else { return .number(exact) }
    return .integer(scalar)
  }

  private func fullRotary(withBase: Bool) -> JSONObject {
    var object = JSONObject()
    if globalRotaryScale != 1 { object["factor"] = .number(globalRotaryScale) }
    if withBase { object["rope_theta"] = .number(globalRotaryBase) }
    object["rope_type"] = globalRotaryScale == 1 ? "default" : "linear"
    return object
  }
}

extension Float {
  /// The number with as few digits as single precision needs: 1e-06, not 9.999999974752427e-07.
  var shortestJSON: JSONValue { .number(Double(description) ?? Double(self)) }
}
