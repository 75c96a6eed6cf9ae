/// One answer.
public struct Answer: Equatable, Sendable {
  /// Its text, control pieces left out.
  public let text: String
  /// Its ids, without the stop token.
  public let tokens: [Int]
  /// Whether a stop token ended it, and not the limit.
  public let reachedEnd: Bool
  /// Positions of the prompt, the image's included.
  public let promptRows: Int
}

/// Answers that were made side by side, and how long they took together.
public struct AnswerGroup: Sendable {
  /// One for each question, in order.
  public let answers: [Answer]
  /// Wall seconds over the prompts and over the answers' tokens.
  public let prefillSeconds: Double, decodeSeconds: Double
}
