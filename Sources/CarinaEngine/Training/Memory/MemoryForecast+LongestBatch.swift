import CarinaText

extension MemoryForecast.Batch {
  /// With the sizes of so many micro-batches, or of so many samples, the product library's store of prepared products
  /// is full.
  private static let batchesWithSizes = 2048, samplesWithSizes = 8192

  /// The largest micro-batch among those that a run will come to, taken in its own order, and the sizes of the first.
  ///
  /// Texts are first compared by their bytes; those of the batches that look longest are then tokenised.
  /// - Parameter sampleLengths: what batches of like lengths go by.
  /// - Throws: as `PromptRenderer.training`.
  package static func largest(
    of samples: any TrainingSamples, renderer: PromptRenderer, settings: TrainingSettings, rowsPerImage: Int,
    lengths sampleLengths: [Int]? = nil
  ) throws -> (largest: MemoryForecast.Batch, sizes: MemoryForecast.BatchSizes) {
    let order = EpochOrder(settings, sampleCount: samples.count, lengths: sampleLengths)
    let images = (0..<samples.count).map(samples.images)
    let lengths = try (0..<samples.count).map { sample in
      let (question, answer) = try samples.text(sample)
      return question.utf8.count + answer.utf8.count
    }
    var result = MemoryForecast.Batch(images: 0, rows: 0, supervised: 0, imagesOfStep: 0)
    var candidates: [(score: Int, batch: [Int])] = [], first: [(batch: [Int], isFirst: Bool)] = []
    // A few passes meet nearly every company that a long text can be in.
    let steps = order.stepCount(epochs: min(settings.epochCount, 4), limit: settings.maximumSteps)
    var epochSamples: [Int] = [], sizes = MemoryForecast.BatchSizes()
    for step in 0..<steps {
      if step % order.stepsPerEpoch == 0 { epochSamples = order.samples(epoch: step / order.stepsPerEpoch) }
      var imagesOfStep = 0
      let batches = order.microBatches(epochSamples, stepInEpoch: step % order.stepsPerEpoch)
      for (number, batch) in batches.enumerated() {
        let distinct = Set(batch.flatMap { images[$0] }).count
        imagesOfStep += distinct
        if first.count < min(batchesWithSizes, max(samplesWithSizes / settings.batchSize, 128)) {
          first.append((batch, number == 0))
        }
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
      sizes.imagesRead += imagesOfStep
    }
    var known: [Int: (rows: Int, supervised: Int)] = [:]
    // With a supervised prompt the first target is at the front, and what lies behind it is read.
    let readsAll = renderer.supervision == .all
    func size(_ batch: [Int]) throws -> (rows: Int, supervised: Int) {
      var rows = 0, supervised = 0
      for sample in batch {
        if known[sample] == nil {
          let (question, answer) = try samples.text(sample)
          let prompt = try renderer.training(question: question, answer: answer, images: images[sample].count)
          known[sample] = (
            prompt.count + rowsPerImage * prompt.imageCount - 1, prompt.supervisedCount
          )
        }
        rows += known[sample]?.rows ?? 0
        supervised += known[sample]?.supervised ?? 0
      }
      return (rows, supervised)
    }
    for (_, batch) in candidates {
      let (rows, supervised) = try size(batch)
      result.rows = max(result.rows, rows)
      result.supervised = max(result.supervised, supervised)
      result.read = max(result.read, readsAll ? rows : supervised)
    }
    for (batch, isFirst) in first {
      let (rows, supervised) = try size(batch)
      let part = isFirst ? \MemoryForecast.BatchSizes.first : \.others
      sizes[keyPath: part].all.insert(rows)
      sizes[keyPath: part].supervised.insert(supervised)
      sizes.images.insert(Set(batch.flatMap { images[$0] }).count)
    }
    return (result, sizes)
  }
}
