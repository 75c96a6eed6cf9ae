/// An answer with the wall seconds of the group that it was made in.
public struct TimedAnswer: Sendable {
  /// The answer.
  public let answer: Answer
  /// Seconds of reading images, of the vision encoder, of the pass over the prompts, and of the tokens after it.
  public let imageSeconds: Double, visionSeconds: Double, prefillSeconds: Double, decodeSeconds: Double
  /// How many answers were made in that time.
  public let groupSize: Int

  /// Collects the values.
  public init(
    answer: Answer, imageSeconds: Double, visionSeconds: Double, prefillSeconds: Double, decodeSeconds: Double,
    groupSize: Int
  ) {
    self.answer = answer
    self.imageSeconds = imageSeconds
    self.visionSeconds = visionSeconds
    self.prefillSeconds = prefillSeconds
    self.decodeSeconds = decodeSeconds
    self.groupSize = groupSize
  }
}
