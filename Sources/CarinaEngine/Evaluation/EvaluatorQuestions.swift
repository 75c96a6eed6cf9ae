import CarinaData
import CarinaMetrics
import CarinaRuntime
import CarinaText

/// The samples of an evaluation, rendered for one model and checked before anything is asked.
struct EvaluatorQuestions {
  /// The samples in the order of the shards, and their images.
  let samples: [ShardSample], images: [Int: ShardImage]
  /// One prompt a sample, up to where the answer begins.
  let prompts: [RenderedPrompt]
  /// Question and reference of each sample where likelihoods are wanted; else empty.
  let references: [RenderedPrompt]

  /// Reads and renders.
  /// - Throws: `CarinaError.badData` naming the sample whose question is too long, whose reference is empty, or whose
  ///   text the model's vocabulary does not cover.
  init(_ shards: ShardDirectory, limit: Int?, withReferences: Bool, model: EvaluatorModel) throws {
    let count = min(limit ?? shards.sampleCount, shards.sampleCount)
    guard count > 0 else { throw CarinaError(.badData, "there are no samples to evaluate", at: shards.path) }
    var images: [Int: ShardImage] = [:], prompts: [RenderedPrompt] = [], references: [RenderedPrompt] = []
    let vocabularySize = model.answering.model.decoder.config.vocabularySize
    samples = (0..<count).map(shards.sample)
    for sample in samples {
      if images[sample.imageRow] == nil { images[sample.imageRow] = shards.image(sample.imageRow) }
      do {
        let prompt = try model.renderer.generation(question: sample.question)
        try prompt.requireIDs(below: vocabularySize)
        prompts.append(prompt)
        guard withReferences else { continue }
        let reference = try model.renderer.training(question: sample.question, answer: sample.answer)
        try reference.requireIDs(below: vocabularySize)
        references.append(reference)
      } catch let error as CarinaError {
        throw CarinaError(
          error.kind, error.what, at: "\(shards.path), sample \"\(sample.id)\"", expected: error.expected,
          found: error.found, remedy: error.remedy)
      }
    }
    self.images = images
    self.prompts = prompts
    self.references = references
  }

  /// Rows of the distinct images, in the order of their first sample, with their patients.
  var distinctImages: [(row: Int, patient: String)] {
    var seen: Set<Int> = []
    return samples.compactMap { sample in
      seen.insert(sample.imageRow).inserted ? (sample.imageRow, images[sample.imageRow]?.patient ?? "") : nil
    }
  }

  /// A sample's answer as it is scored.
  func scored(_ index: Int, prediction: String, likelihood: (nll: Double, tokens: Int)?) -> ScoredAnswer {
    func known(_ text: String?) -> String? { text?.isEmpty == false ? text : nil }
    let sample = samples[index], image = images[sample.imageRow]
    return ScoredAnswer(
      id: sample.id, image: known(image?.id), patient: known(image?.patient), question: sample.question,
      prediction: prediction, references: [sample.answer], answerType: known(sample.answerType),
      questionType: known(sample.questionType), nll: likelihood?.nll, tokens: likelihood?.tokens)
  }
}
