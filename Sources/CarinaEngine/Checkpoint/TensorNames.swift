/// What the tensors of a checkpoint are called in the engine, whichever version of transformers wrote it.
///
/// The engine's names are those of the whole models: `model.…` for a decoder (Gemma3ForCausalLM), `vision_model.…`,
/// `text_model.…`, `logit_scale` and `logit_bias` for SigLIP (SiglipModel), `model.0.…` and `model.2.…` for a
/// projector.
package enum TensorNames {
  /// The engine's name of a decoder's tensor; nil when no decoder has one of this name. A bare Gemma3TextModel is
  /// without `model.`.
  package static func decoder(_ file: String) -> String? {
    if file.hasPrefix("model.") || file == headWeight { return file }
    return prefixed(file, with: "model.", when: ["embed_tokens.", "layers.", "norm."])
  }

  /// The engine's name of a SigLIP vision tower's tensor. transformers 5 writes a tower of its own without
  /// `vision_model.`, earlier versions with it. Tensors of the text side keep their names.
  package static func vision(_ file: String) -> String? {
    if file.hasPrefix("vision_model.") || isBesideVision(file) { return file }
    return prefixed(file, with: "vision_model.", when: ["embeddings.", "encoder.", "post_layernorm.", "head."])
  }

  /// The engine's name of a SigLIP text tower's tensor; tensors of the vision side keep their names.
  public static func text(_ file: String) -> String? {
    if file.hasPrefix("text_model.") || file.hasPrefix("vision_model.") || file.hasPrefix("logit_") { return file }
    return prefixed(file, with: "text_model.", when: ["embeddings.", "encoder.", "final_layer_norm.", "head."])
  }

  /// The engine's name of a whole SigLIP model's tensor: the same as in the file.
  package static func siglip(_ file: String) -> String? {
    file.hasPrefix("vision_model.") || isBesideVision(file) ? file : nil
  }

  /// The engine's name of a projector's tensor: the same as in the file.
  public static func projector(_ file: String) -> String? { file.hasPrefix("model.") ? file : nil }

  /// The untied head of a decoder, which some files hold although it repeats the embedding.
  package static let headWeight = "lm_head.weight"
  /// The embedding table, which is the head too.
  package static let embeddingWeight = "model.embed_tokens.weight"

  /// What a vision tower's file may hold besides: the other half of a whole SigLIP model.
  package static let textSide: [IgnoredTensors] = [
    IgnoredTensors(prefix: "text_model.", reason: "the text tower is not needed"),
    IgnoredTensors(prefix: "logit_", reason: "the contrastive loss is not needed"),
  ]
  /// The attention-pooling head, which no feature for the decoder passes through.
  package static let poolingHead = IgnoredTensors(
    prefix: "vision_model.head.", reason: "the features come from before the pooling head")

  private static func isBesideVision(_ file: String) -> Bool {
    file.hasPrefix("text_model.") || file == "logit_scale" || file == "logit_bias"
  }

  private static func prefixed(_ file: String, with prefix: String, when beginnings: [String]) -> String? {
    beginnings.contains { file.hasPrefix($0) } ? prefix + file : nil
  }
}

/// Tensors that a file holds and a model does without, knowingly.
package struct IgnoredTensors: Equatable, Sendable {
  /// How their names (the engine's) begin.
  package let prefix: String
  /// Why they are not needed, for the log.
  package let reason: String

  /// Collects the values.
  package init(prefix: String, reason: String) {
    self.prefix = prefix
    self.reason = reason
  }
}
