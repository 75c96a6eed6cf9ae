/// The answers to prompts that ran side by side, and how long they took together.
public struct GenerationResult: Sendable {
  /// One for each prompt, in order.
  package internal(set) var answers: [GeneratedAnswer]
  /// Wall seconds over the prompts, and over the tokens that followed.
  public internal(set) var prefillSeconds = 0.0, decodeSeconds = 0.0
}
