import CarinaRuntime

/// One sequence as ids, split where the image stands, and the ids that are to be predicted.
public struct RenderedPrompt: Equatable, Sendable {
  /// The ids before the image's rows.
  public let tokensBeforeImage: [Int]
  /// The ids behind the image's rows.
  public let tokensAfterImage: [Int]
  /// One for each of `tokensAfterImage`: whether this id is a target to be predicted.
  public let supervised: [Bool]
  /// Whether the question was longer than the limit and was cut.
  package let questionTruncated: Bool
  /// Whether the answer was longer than the limit and was cut; its end token is there all the same.
  package let answerTruncated: Bool

  /// Refuses ids that a model's table has no row for. A tokenizer may know more pieces than the model (Gemma 3's knows
  /// an image token that its text model lacks), as long as no text makes them.
  /// - Throws: `CarinaError.badData` with the first such id.
  package func requireIDs(below vocabularySize: Int) throws {
    guard let id = (tokensBeforeImage + tokensAfterImage).first(where: { $0 >= vocabularySize }) else { return }
    throw CarinaError(
      .badData, "the tokenizer makes ids that the model does not have", expected: "ids below \(vocabularySize)",
      found: "\(id)", remedy: "Use the tokenizer that belongs to the model.")
  }

  /// How many ids are to be predicted.
  public var supervisedCount: Int { supervised.lazy.filter { $0 }.count }
  /// How many ids there are, the image not counted.
  public var count: Int { tokensBeforeImage.count + tokensAfterImage.count }
}
