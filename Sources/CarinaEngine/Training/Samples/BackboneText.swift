import CarinaData
import CarinaModel
import CarinaRuntime
import CarinaText

/// The text that stage 0 teaches the decoder: captions and question–answer pairs, without images, in the layouts of the
/// later stages.
enum BackboneText {
  /// Each distinct text once, every token after `<bos>` and the opening of the turn a target.
  static func sequences(_ shards: [ShardDirectory], tokenizer: any Tokenizer) throws -> [ImageTextSequence] {
    let captions = try PromptRenderer(
      tokenizer: tokenizer, style: .plain, maximumQuestionTokens: .max, maximumAnswerTokens: .max)
    let answers = try PromptRenderer(
      tokenizer: tokenizer, style: .gemma, maximumQuestionTokens: .max, maximumAnswerTokens: .max)
    var seen = Set<ExactText>(), sequences: [ImageTextSequence] = []
    for directory in shards {
      for index in 0..<directory.sampleCount {
        let sample = directory.sample(index)
        guard seen.insert(ExactText("\(sample.question)\u{0}\(sample.answer)")).inserted else { continue }
        let prompt = try (sample.question.isEmpty ? captions : answers).training(
          question: sample.question, answer: sample.answer)
        sequences.append(
          ImageTextSequence(
            tokensBefore: prompt.tokensBeforeImage, image: nil, tokensAfter: prompt.tokensAfterImage,
            supervised: [Bool](repeating: true, count: prompt.tokensAfterImage.count)))
      }
    }
    return sequences
  }
}
