import CarinaRuntime

/// One sequence as ids, split where the images stand, and the ids that are to be predicted.
public struct RenderedPrompt: Equatable, Sendable {
  /// The ids before the image's rows.
  public let tokensBeforeImage: [Int]
  /// The ids between one image's rows and the next's, where there are several images: one element less than images.
  package let tokensBetweenImages: [[Int]]
  /// How many images the sequence has; without any all ids stand in `tokensAfterImage`.
  package let imageCount: Int
  /// The ids behind the last image's rows.
  public let tokensAfterImage: [Int]
  /// One for each of `tokensAfterImage`: whether this id is a target to be predicted.
  public let supervised: [Bool]
  /// The same for each of `tokensBeforeImage`, and for each of `tokensBetweenImages`.
  package let supervisedBefore: [Bool], supervisedBetween: [[Bool]]
  /// Whether the question was longer than the limit and was cut.
  package let questionTruncated: Bool
  /// Whether the answer was longer than the limit and was cut; its end token is there all the same.
  package let answerTruncated: Bool

  /// A sequence cut where its images stand, with the answer behind it.
  /// - Parameters:
  ///   - supervision: which ids are to be predicted.
  ///   - imageMark: the id that announces an image, which is not.
  init(
    segments: [[Int]], target: [Int], supervision: Supervision = .answer, imageMark: Int? = nil,
    questionTruncated: Bool, answerTruncated: Bool
  ) {
    let last = segments.last ?? []
    imageCount = max(0, segments.count - 1)
    tokensBeforeImage = imageCount == 0 ? [] : segments[0]
    tokensBetweenImages = Array(segments.dropFirst().dropLast())
    tokensAfterImage = last + target
    var flags = segments.enumerated().map { index, ids in
      // Nothing stands before the first id of a sequence.
      ids.indices.map { supervision == .all && (index > 0 || $0 > 0) && ids[$0] != imageMark }
    }
    supervised = (flags.popLast() ?? []) + Array(repeating: true, count: target.count)
    supervisedBefore = flags.first ?? []
    supervisedBetween = Array(flags.dropFirst())
    self.questionTruncated = questionTruncated
    self.answerTruncated = answerTruncated
  }

  /// Refuses ids that a model's table has no row for. A tokenizer may know more pieces than the model (Gemma 3's knows
  /// an image token that its text model lacks), as long as no text makes them.
  /// - Throws: `CarinaError.badData` with the first such id.
  package func requireIDs(below vocabularySize: Int) throws {
    guard
      let id = (tokensBeforeImage + tokensBetweenImages.joined() + tokensAfterImage).first(where: {
        $0 >= vocabularySize
      })
    else { return }
    throw CarinaError(
      .badData, "the tokenizer makes ids that the model does not have", expected: "ids below \(vocabularySize)",
      found: "\(id)", remedy: "Use the tokenizer that belongs to the model: its tokenizer.json or tokenizer.model.")
  }

  /// How many ids are to be predicted.
  public var supervisedCount: Int {
    ([supervisedBefore] + supervisedBetween + [supervised]).reduce(0) { $0 + $1.count { $0 } }
  }
  /// How many ids there are, the images not counted.
  public var count: Int {
    tokensBeforeImage.count + tokensBetweenImages.reduce(0) { $0 + $1.count } + tokensAfterImage.count
  }
}
