import CarinaText

extension MemoryForecast.Batch {
  /// The largest micro-batch among those that a run will come to, taken in its own order.
  ///
  /// Texts are first compared by their bytes; those of the batches that look longest are then tokenised.
  /// - Throws: as `PromptRenderer.training`.
  package static func largest(
    of samples: any TrainingSamples, renderer: PromptRenderer, settings: TrainingSettings, rowsPerImage: Int
  ) throws -> MemoryForecast.Batch {
    let order = EpochOrder(
      sampleCount: samples.count, batchSize: settings.batchSize,
      accumulationSteps: settings.gradientAccumulationSteps, seed: settings.seed, isShuffled: settings.isShuffled,
      dropsLast: settings.dropsLast)
    let images = (0..<samples.count).map(samples.images)
    let lengths = try (0..<samples.count).map { sample in
      let (question, answer) = try samples.text(sample)
      return question.utf8.count + answer.utf8.count
    }
    var result = MemoryForecast.Batch(images: 0, rows: 0, supervised: 0, imagesOfStep: 0)
    var candidates: [(score: Int, batch: [Int])] = []
    // A few passes meet nearly every company that a long text can be in.
    let steps = order.stepCount(epochs: min(settings.epochCount, 4), limit: settings.maximumSteps)
    var epochSamples: [Int] = []
    for step in 0..<steps {
      if step % order.stepsPerEpoch == 0 { epochSamples = order.samples(epoch: step / order.stepsPerEpoch) }
      var imagesOfStep = 0
      for batch in order.microBatches(epochSamples, stepInEpoch: step % order.stepsPerEpoch) {
        let distinct = Set(batch.flatMap { images[$0] }).count
        imagesOfStep += distinct
        result.images = max(result.images, distinct)
        // About four bytes are a token.
        let score = batch.reduce(0) { $0 + 4 * rowsPerImage * images[$1].count + lengths[$1] }
        if candidates.count < 8 || score > candidates[candidates.count - 1].score {
          let index = candidates.firstIndex { $0.score < score } ?? candidates.count
          candidates.insert((score, batch), at: index)
          if candidates.count > 8 { candidates.removeLast() }
        }
      }
      result.imagesOfStep = max(result.imagesOfStep, imagesOfStep)
    }
    for (_, batch) in candidates {
      var rows = 0, supervised = 0
      for sample in batch {
        let (question, answer) = try samples.text(sample)
        let prompt = try renderer.training(question: question, answer: answer, images: images[sample].count)
        rows += prompt.count + rowsPerImage * prompt.imageCount - 1
        supervised += prompt.supervised.count { $0 }
      }
      result.rows = max(result.rows, rows)
      result.supervised = max(result.supervised, supervised)
    }
    return result
  }
}
