import CarinaModel
import CarinaRuntime

extension DecoderConfig {
  /// What goes into `generation_config.json`: greedy, unless told otherwise, until one of the ends.
  var generationJSON: JSONValue {
    [
      "bos_token_id": json["bos_token_id"] ?? nil, "do_sample": false, "eos_token_id": json["eos_token_id"] ?? nil,
      "pad_token_id": json["pad_token_id"] ?? nil,
    ]
  }
}
