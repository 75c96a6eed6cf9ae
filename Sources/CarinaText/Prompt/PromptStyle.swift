/// How a question, its images and the answer are laid out as one sequence. Several images stand one after the other, in
/// their order, where the one is named.
public enum PromptStyle: String, CaseIterable, Codable, Sendable {
  /// Gemma's turns: `<bos><start_of_turn>user\n` image `QUESTION<end_of_turn>\n<start_of_turn>model\n`
  /// **`ANSWER<end_of_turn>`**; the question is trimmed.
  case gemma
  /// No turns: `<bos>` image `QUESTION` **`ANSWER<eos>`**.
  case plain
  /// The layout of the Python project's checkpoints: image `QUESTION` **`<bos>ANSWER`**, without an end.
  case seed
  /// The prompt that Gemma 3's own processor makes, tokenised as one text, with as many images as there are:
  /// `<bos><start_of_turn>user\n\n\n<start_of_image>` image `<end_of_image>\n\nQUESTION<end_of_turn>\n`
  /// `<start_of_turn>model\n` **`ANSWER<end_of_turn>`**; question and answer are trimmed, and a system text stands
  /// before the images.
  case gemma3

  /// Whether a conversation may go on behind an answer.
  public var hasTurns: Bool { self == .gemma || self == .gemma3 }

  /// The names, for errors and help: `gemma, plain, seed or gemma3`.
  package static let words = "gemma, plain, seed or gemma3"
}
