import CarinaRuntime

/// A question about an image file, or several.
public struct ImageQuestion: Equatable, Sendable {
  /// What the asker calls it.
  public var id: JSONValue?
  /// The image files, in the order in which they are shown, and the question.
  public var imagePaths: [String], question: String

  /// A question about one image.
  public init(id: JSONValue? = nil, imagePath: String, question: String) {
    self.init(id: id, imagePaths: [imagePath], question: question)
  }

  /// A question about images.
  public init(id: JSONValue? = nil, imagePaths: [String], question: String) {
    self.id = id
    self.imagePaths = imagePaths
    self.question = question
  }
}
