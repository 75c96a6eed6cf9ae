/// Keys of `config.json` that say nothing about the forward pass of the models here.
///
/// transformers writes most of them for every model: bookkeeping, generation defaults of its versions 4, and switches
/// of its own implementation. A key that is neither here, nor read, nor refused by name is reported as unknown and
/// otherwise ignored, as transformers ignores it.
enum HarmlessConfigKeys {
  /// All of them.
  static let all: Set<String> = bookkeeping.union(implementation).union(generation).union(dropout)

  private static let bookkeeping: Set<String> = [
    "_attn_implementation_autoset", "_commit_hash", "_name_or_path", "architectures", "auto_map", "dtype",
    "finetuning_task",
    "id2label", "label2id", "license", "model_type", "name_or_path", "problem_type", "task_specific_params",
    "tokenizer_class", "torch_dtype", "transformers_version", "unsloth_fixed", "unsloth_version",
  ]

  private static let implementation: Set<String> = [
    "_attn_implementation", "_sliding_window_pattern", "attn_implementation", "cache_implementation",
    "chunk_size_feed_forward", "initializer_factor", "initializer_range", "is_decoder", "is_encoder_decoder",
    "output_attentions", "output_hidden_states", "output_scores", "return_dict", "return_dict_in_generate",
    "tf_legacy_loss", "tie_encoder_decoder", "torchscript", "use_bfloat16", "use_cache",
  ]

  /// Generation is set by options and `generation_config.json`, not by these.
  private static let generation: Set<String> = [
    "bad_words_ids", "begin_suppress_tokens", "decoder_start_token_id", "diversity_penalty", "do_sample",
    "early_stopping", "encoder_no_repeat_ngram_size", "exponential_decay_length_penalty", "forced_bos_token_id",
    "forced_eos_token_id", "length_penalty", "max_length", "min_length", "no_repeat_ngram_size",
    "num_beam_groups", "num_beams", "num_return_sequences", "prefix", "remove_invalid_values", "repetition_penalty",
    "sep_token_id", "suppress_tokens", "temperature", "top_k", "top_p", "typical_p",
  ]

  /// The engine trains without dropout, whatever a config says; inference has none anyway.
  private static let dropout: Set<String> = ["attention_dropout", "dropout", "hidden_dropout"]
}
