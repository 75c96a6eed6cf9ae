import CarinaRuntime

/// How an answer is made from the model's next-token probabilities. Greedy, up to 128 tokens, unless told otherwise.
public typealias GenerationOptions = SettingValues<GenerationSettingList>
