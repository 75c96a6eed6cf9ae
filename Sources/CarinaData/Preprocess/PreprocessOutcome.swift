/// How far a preprocessing run came.
public enum PreprocessOutcome: Equatable, Sendable {
  /// The output is there; a summary for each split.
  case complete([PreprocessSummary])
  /// This part is done, others are not.
  case waiting(finishedShards: Int, ofShards: Int)
}
