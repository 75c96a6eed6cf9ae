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

/// One sequence as ids, with the place of the image and the ids that are to be predicted.
public struct RenderedPrompt: Equatable, Sendable {
  /// The ids before the image's rows.
  public let tokensBeforeImage: [Int]
  /// The ids behind the image's rows.
  public let tokensAfterImage: [Int]
  /// One for each of `tokensAfterImage`: whether this id is a target to be predicted.
  public let supervised: [Bool]
  /// Whether the question was longer than the limit and was cut.
  public let questionTruncated: Bool
  /// Whether the answer was longer than the limit and was cut; its end token is there all the same.
  public let answerTruncated: Bool

  /// How many ids are to be predicted.
  public var supervisedCount: Int { supervised.lazy.filter { $0 }.count }
  /// How many ids there are, the image not counted.
  public var count: Int { tokensBeforeImage.count + tokensAfterImage.count }
}

/// One question of a conversation and the answer it got.
public struct ConversationTurn: Equatable, Codable, Sendable {
  /// What was asked.
  public let question: String
  /// What was answered.
  public let answer: String

  /// A turn.
  public init(question: String, answer: String) {
    self.question = question
    self.answer = answer
  }
}
