/// How a question, its image and the answer are laid out as one sequence.
public enum PromptStyle: String, CaseIterable, Codable, Sendable {
  /// Gemma's turns: `<bos><start_of_turn>user\n` image `QUESTION<end_of_turn>\n<start_of_turn>model\n`
  /// **`ANSWER<end_of_turn>`**; the question is trimmed.
  case gemma
  /// No turns: `<bos>` image `QUESTION` **`ANSWER<eos>`**.
  case plain
  /// The layout of the Python project's checkpoints: image `QUESTION` **`<bos>ANSWER`**, without an end.
  case seed
}
