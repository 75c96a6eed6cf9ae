import CarinaRuntime

/// What became of one line of questions.
public struct QuestionOutcome {
  /// The line's number, counted from 1.
  public let line: Int
  /// What was asked; nil for a line that is no question.
  public let question: ImageQuestion?
  /// The answer, or why there is none.
  public let result: Result<TimedAnswer, CarinaError>
}
