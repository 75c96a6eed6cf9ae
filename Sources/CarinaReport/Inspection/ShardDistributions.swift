import CarinaData
import CarinaRuntime
import CarinaText
import Foundation

/// What the images and texts of a shard directory are like: counts that a page draws.
struct ShardDistributions {
  /// Limits in tokens, and what counts them.
  struct Tokens {
    let tokenizer: any Tokenizer
    let maximumQuestion, maximumAnswer: Int
  }

  /// Share of the pixels in each of 64 runs of four grey levels, over images spread over the directory.
  private(set) var intensity = [Double](repeating: 0, count: 64)
  /// How many images that are.
  private(set) var intensityImages = 0
  /// Words of each answer, and of each question that is not empty.
  private(set) var answerWords: [Int] = [], questionWords: [Int] = []
  /// Tokens of the same; empty without a tokenizer.
  private(set) var answerTokens: [Int] = [], questionTokens: [Int] = []
  /// Samples by question type and answer type, images by view.
  private(set) var questionTypes: [ExactText: Int] = [:], answerTypes: [ExactText: Int] = [:]
  private(set) var views: [ExactText: Int] = [:]

  /// Counts.
  /// - Parameter imageLimit: of how many images the pixels are looked at.
  /// - Throws: `CarinaError.badData` when pixels cannot be read.
  init(_ shards: ShardDirectory, tokens: Tokens?, imageLimit: Int = 2_000) throws {
    for index in 0..<shards.sampleCount {
      let sample = shards.sample(index)
      answerWords.append(ShardDistributions.words(sample.answer))
      if !sample.question.isEmpty { questionWords.append(ShardDistributions.words(sample.question)) }
      if let tokens {
        answerTokens.append(tokens.tokenizer.encode(sample.answer, recognizingSpecialTokens: false).count)
        if !sample.question.isEmpty {
          questionTokens.append(tokens.tokenizer.encode(sample.question, recognizingSpecialTokens: false).count)
        }
      }
      questionTypes[ExactText(sample.questionType), default: 0] += 1
      answerTypes[ExactText(sample.answerType), default: 0] += 1
    }
    for row in 0..<shards.imageCount { views[ExactText(shards.image(row).view), default: 0] += 1 }
    var counts = [Int](repeating: 0, count: 256)
    let rows = shards.rowsSpread(over: imageLimit)
    for row in rows { for value in try shards.pixels(imageRow: row).values { counts[Int(value)] += 1 } }
    intensityImages = rows.count
    let total = Double(max(1, counts.reduce(0, +)))
    for (value, count) in counts.enumerated() { intensity[value / 4] += Double(count) / total }
  }

  private static func words(_ text: String) -> Int { text.split(whereSeparator: \.isWhitespace).count }
}
