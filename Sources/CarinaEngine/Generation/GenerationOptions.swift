import CarinaRuntime

/// How an answer is made from the model's next-token probabilities. Greedy, up to 128 tokens, unless told otherwise.
public typealias GenerationOptions = SettingValues<GenerationSettingList>

extension SettingValues<GenerationSettingList> {
  /// Whether the next token is always the one with the largest logit, so that nothing else need be known of them.
  var picksLargest: Bool { self.temperature == 0 && self.repetitionPenalty == 1 }
}
