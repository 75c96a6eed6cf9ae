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
      for row in sample.imageRows where images[row] == nil { images[row] = shards.image(row) }
      do {
        let prompt = try model.renderer.generation(question: sample.question, images: sample.imageRows.count)
        try EvaluatorQuestions.requireRoom(prompt, model)
        try prompt.requireIDs(below: vocabularySize)
        prompts.append(prompt)
        guard withReferences else { continue }
        let reference = try model.renderer.training(
          question: sample.question, answer: sample.answer, images: sample.imageRows.count)
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

  /// Refuses several images that do not fit into the model.
  private static func requireRoom(_ prompt: RenderedPrompt, _ model: EvaluatorModel) throws {
    let most = model.answering.model.decoder.config.maximumPositions
    let rows = prompt.count + prompt.imageCount * model.answering.model.rowsPerImage
    guard prompt.imageCount > 1, rows > most else { return }
    throw CarinaError(
      .badData, "\(prompt.imageCount) images and their question do not fit into the model",
      expected: "at most \(most) positions", found: "\(rows)", remedy: "Show fewer images a sample.")
  }

  /// The distinct lists of images, as rows in their order, in the order of their first sample, with the patient that one
  /// of the images names.
  var distinctLists: [(rows: [Int], patient: String)] {
    var seen: Set<[Int]> = []
    return samples.compactMap { sample in
      guard seen.insert(sample.imageRows).inserted else { return nil }
      return (sample.imageRows, patient(sample) ?? "")
    }
  }

  private func patient(_ sample: ShardSample) -> String? {
    sample.imageRows.lazy.compactMap { images[$0]?.patient }.first { !$0.isEmpty }
  }

  /// A sample's answer as it is scored.
  func scored(_ index: Int, prediction: String, likelihood: (nll: Double, tokens: Int)?) -> ScoredAnswer {
    func known(_ text: String?) -> String? { text?.isEmpty == false ? text : nil }
    let sample = samples[index], names = sample.imageRows.map { images[$0]?.id ?? "" }
    return ScoredAnswer(
      id: sample.id, image: known(names[0]), furtherImages: Array(names.dropFirst()), patient: patient(sample),
      question: sample.question, prediction: prediction, references: [sample.answer],
      answerType: known(sample.answerType),
      questionType: known(sample.questionType), nll: likelihood?.nll, tokens: likelihood?.tokens)
  }
}
