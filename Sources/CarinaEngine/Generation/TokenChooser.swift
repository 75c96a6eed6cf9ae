import CarinaRuntime
import CarinaTensor

/// Picks the next token of one answer from its logits: the most probable one, or one drawn at random.
struct TokenChooser {
  private let options: GenerationOptions
  private var generator: SeededGenerator

  /// Every answer draws the same numbers from the seed, so that it does not depend on the answers made beside it.
  init(_ options: GenerationOptions) {
    self.options = options
    generator = SeededGenerator(seed: options.seed, stream: "answer")
  }

  /// The next token. The penalty, which looks at `made`, the answer so far, and never at the prompt, is applied in
  /// place.
  mutating func choose(_ logits: UnsafeMutableBufferPointer<Float>, after made: [Int]) -> Int {
    RepetitionPenalty.apply(options.repetitionPenalty, to: logits, made: made)
    let logits = UnsafeBufferPointer(logits)
    guard options.temperature > 0 else { return TokenRanking.largest(logits) }
    return CandidateTokens(logits, temperature: options.temperature, topK: options.topK, topP: options.topP)
      .draw(&generator)
  }
}
