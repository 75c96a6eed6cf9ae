/// A question and answer of a shard directory, or a caption: an answer with an empty question.
public struct ShardSample: Equatable, Sendable {
  /// Names the sample in predictions; unique within a source.
  public let id: String
  /// Rows of the images within the directory, in the order in which they are shown; at least one.
  public let imageRows: [Int]
  /// The question; empty for a caption.
  public let question: String
  /// The answer or caption.
  public let answer: String
  /// OPEN, CLOSED or another word of the source; may be empty.
  public let answerType: String
  /// The source's word for the kind of question; may be empty.
  public let questionType: String

  /// Row of the first image within the directory.
  public var imageRow: Int { imageRows[0] }
}
