/// One question of a conversation and the answer it got.
public struct ConversationTurn: Equatable, Codable, Sendable {
  /// What was asked.
  public let question: String
  /// What was answered.
  public let answer: String

  /// A question with the answer it got.
  public init(question: String, answer: String) {
    self.question = question
    self.answer = answer
  }
}
