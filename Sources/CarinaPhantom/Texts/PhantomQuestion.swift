/// A question about an image with its answer.
public struct PhantomQuestion: Equatable, Sendable {
  /// What is asked.
  public let kind: PhantomQuestionKind
  /// In words.
  public let text: String
  /// The only right answer.
  public let answer: String
}
