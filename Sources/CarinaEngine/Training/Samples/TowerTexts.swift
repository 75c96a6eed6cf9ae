import CarinaRuntime
import CarinaText

/// The captions of samples as a SigLIP's text tower reads them, paired with their images.
struct TowerTexts {
  private let tokenizer: SiglipTextTokenizer
  private let unit: TextUnit
  /// Ids of every text, and how many ids the tower has embeddings for.
  let length: Int, vocabularySize: Int

  init(_ tokenizer: SiglipTextTokenizer, unit: TextUnit, length: Int, vocabularySize: Int) {
    self.tokenizer = tokenizer
    self.unit = unit
    self.length = length
    self.vocabularySize = vocabularySize
  }

  /// Images with their texts; texts are equal where the tower reads the same ids.
  /// - Parameter source: where the samples come from, for errors.
  /// - Returns: the pairs, and how many different texts are longer than `length` and were cut.
  /// - Throws: `CarinaError.badData` for a sample with a question, with several images, or without text; and for a
  ///   tokenizer that makes ids without an embedding.
  func pairs(_ samples: any TrainingSamples, source: String) throws -> (pairs: ContrastivePairs, cutCount: Int) {
    var cut = Set<[Int]>()
    let pairs = try ContrastivePairs(samples) { sample in
      let (question, caption) = try samples.text(sample), name = samples.name(of: sample)
      guard question.isEmpty else {
        throw CarinaError(
          .badData, "sample \(name) has a question, and its answer alone describes no image", at: source,
          expected: "captions", remedy: "Name the shards of captions, such as stage 1 reads.")
      }
      // The end token alone is no text.
      let texts = unit.texts(of: caption).map(tokenizer.ids).filter { $0.count > 1 }
      guard !texts.isEmpty else {
        throw CarinaError(
          .badData, "the caption of sample \(name) has no text that the text tower reads", at: source,
          found: caption.isEmpty ? "nothing" : "\"\(caption.prefix(40))\"",
          remedy: "Leave the record out and preprocess again.")
      }
      if let id = texts.joined().first(where: { $0 >= vocabularySize }) {
        throw CarinaError(
          .badData, "the tokenizer makes ids that the text tower has no embedding for", at: source,
          expected: "ids below \(vocabularySize)", found: "\(id) in sample \(name)",
          remedy: "Use the tokenizer that belongs to the model.")
      }
      return texts.map { ids in
        let padded = tokenizer.padded(ids, to: length)
        if ids.count > length { cut.insert(padded) }
        return (padded, { padded })
      }
    }
    return (pairs, cut.count)
  }
}
