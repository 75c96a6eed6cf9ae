import CarinaRuntime

/// A question about an image file.
public struct ImageQuestion: Equatable, Sendable {
  /// What the asker calls it.
  public var id: JSONValue?
  /// The image file, and the question.
  public var imagePath: String, question: String

  /// A question.
  public init(id: JSONValue? = nil, imagePath: String, question: String) {
    self.id = id
    self.imagePath = imagePath
    self.question = question
  }
}
