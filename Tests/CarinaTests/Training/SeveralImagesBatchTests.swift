import TestSupport
import Testing

import Carina

/// Batches of samples that show several images.
@Suite struct SeveralImagesBatchTests {
  private let renderer: PromptRenderer
  private var samples = ParitySamples()

  init() throws {
    renderer = try PromptRenderer(
      tokenizer: TextGolden("bpe-gemma").tokenizer, style: .plain, maximumQuestionTokens: 64, maximumAnswerTokens: 64)
    // Samples 2 and 3 together show the most images, sample 5 has the longest text.
    samples.images = [0, 1, 2, 3, 4, 5]
    samples.further = [[], [0], [1, 0, 2], [4, 5], [], [4]]
    samples.texts = (0..<6).map { ("Is there edema?", $0 == 5 ? "No edema and no effusion." : "No.") }
  }

  @Test("the memory of the longest batch counts the images of all samples, each once a batch, and their rows")
  func longestBatch() throws {
    var settings = TrainingSettings()
    (settings.batchSize, settings.gradientAccumulationSteps, settings.epochCount) = (2, 3, 1)
    settings.isShuffled = false
    let found = try MemoryForecast.Batch.largest(of: samples, renderer: renderer, settings: settings, rowsPerImage: 7)
      .largest
    let prompts = try samples.texts.map { try renderer.training(question: $0.question, answer: $0.answer) }
    func rows(_ batch: [Int], _ samples: ParitySamples) -> Int {
      batch.reduce(0) { $0 + prompts[$1].count + 7 * samples.images(of: $1).count - 1 }
    }
    let batches = [[0, 1], [2, 3], [4, 5]]
    let supervised = batches.map { $0.reduce(0) { $0 + prompts[$1].supervisedCount } }.max() ?? 0
    // Their distinct images are {0 1}, {0 1 2 3 4 5} and {4 5}.
    #expect(
      found == .init(images: 6, rows: rows([2, 3], samples), supervised: supervised, imagesOfStep: 10))
    #expect(rows([2, 3], samples) > rows([4, 5], samples))
    var one = samples
    one.further = []
    let single = try MemoryForecast.Batch.largest(of: one, renderer: renderer, settings: settings, rowsPerImage: 7)
      .largest
    #expect(single == .init(images: 2, rows: rows([4, 5], one), supervised: supervised, imagesOfStep: 6))
  }

  @Test("a sample whose images do not fit into the decoder's positions is refused with what it takes; one image never")
  func tooLong() throws {
    let tiny = try TinyJoinedModel(maximumPositions: 50)
    let answering = try AnsweringModel.load(checkpoint: tiny.path, precision: .float32)
    func refusal(_ further: [[Int]]) -> CarinaError? {
      var samples = ParitySamples(texts: further.map { _ in ("no", "yes") }, images: further.map { _ in 0 })
      samples.further = further
      do {
        try LongSamples.refuse(samples, renderer: answering.renderer, model: answering.model, source: "shards")
        return nil
      } catch { return error as? CarinaError }
    }
    #expect(refusal([[], [1], []]) == nil)
    let error = refusal([[], [1], Array(1...7)])
    #expect(error?.kind == .badData && error?.location == "shards" && error?.expected == "at most 50 positions")
    #expect(error?.what.contains("sample 2") == true && error?.what.contains("8 images alone take 32") == true)
    let session = try AnswerSession(answering, options: GenerationOptions())
    let asked = thrownCarinaError { try session.prompt("no", images: 8) }
    #expect(asked?.kind == .badData && asked?.what.contains("8 images, question and answer do not fit") == true)
  }
}
