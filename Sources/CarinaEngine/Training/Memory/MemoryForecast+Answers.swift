import CarinaModel
import CarinaTensor
import CarinaText

extension MemoryForecast {
  /// What answering questions side by side computes at once, at its largest: in a validation of training, in `evaluate`
  /// and in `infer`.
  package struct Answers: Equatable, Sendable {
    /// A question with its images, and where its likelihood is taken with its answer.
    package struct Asked {
      /// Rows of the sequence, how many of them predict a supervised token, and which images it has.
      package let rows: Int, supervised: Int, images: [Int]

      /// Collects the numbers.
      package init(rows: Int, supervised: Int, images: [Int]) {
        self.rows = rows
        self.supervised = supervised
        self.images = images
      }
    }

    /// Images, rows of all sequences, and rows that predict a supervised token, of the largest batch.
    package let images: Int, rows: Int, supervised: Int
    /// Sequences that are answered together, rows of the longest, and the most tokens of an answer.
    package let sequences: Int, longest: Int, newTokens: Int
    /// The numbers of rows that batches have, each of which the product library prepares products for.
    package let sizes: BatchSizes
    /// Passes over prompts or whole sequences, all batches together.
    package var passes = Int.max
    /// Whether the most probable token is all that is asked for, which a copy of the output head in 8 bits tells.
    package var picksLargest = true

    /// Collects the numbers.
    package init(
      images: Int, rows: Int, supervised: Int, sequences: Int, longest: Int, newTokens: Int, sizes: BatchSizes
    ) {
      self.images = images
      self.rows = rows
      self.supervised = supervised
      self.sequences = sequences
      self.longest = longest
      self.newTokens = newTokens
      self.sizes = sizes
    }

    /// Counts the batches of questions in their order.
    /// - Parameters:
    ///   - beams: of the search; with more than 1 the questions of a batch go through the decoder one by one.
    ///   - arms: how often all of them are asked.
    package init(_ asked: [Asked], batchSize: Int, newTokens: Int, beams: Int = 1, arms: Int = 1) {
      var largest = (images: 0, rows: 0, supervised: 0), sizes = BatchSizes(), passes = 0
      let together = beams > 1 ? 1 : batchSize
      for first in stride(from: 0, to: asked.count, by: max(1, batchSize)) {
        let batch = asked[first..<min(asked.count, first + batchSize)], images = Set(batch.flatMap(\.images)).count
        let rows = batch.reduce(0) { $0 + $1.rows }, supervised = batch.reduce(0) { $0 + $1.supervised }
        largest = (max(largest.images, images), max(largest.rows, rows), max(largest.supervised, supervised))
        sizes.images.formUnion([images, 1])
        sizes.imagesRead += images
        if supervised > 0 {
          sizes.others.all.insert(rows)
          sizes.others.supervised.insert(supervised)
          passes += 1
        }
        // Answers begin with the prompts alone, of which the last block reads one row each.
        for start in stride(from: first, to: batch.endIndex, by: together) {
          let prompts = asked[start..<min(batch.endIndex, start + together)]
          sizes.others.all.insert(prompts.reduce(0) { $0 + $1.rows - $1.supervised })
          sizes.others.supervised.insert(prompts.count)
          passes += 1
        }
      }
      // A token of many sequences, of which fewer and fewer go on, is a product of the library's too. Those of few rows
      // take about twice as much as others, so they count in both sets of matrices.
      let most = beams > 1 ? beams : min(batchSize, asked.count)
      if most > FewRowsProduct.mostRows {
        sizes.others.all.formUnion(FewRowsProduct.mostRows + 1...most)
        sizes.others.supervised.formUnion(FewRowsProduct.mostRows + 1...most)
      }
      if largest.supervised == 0, beams > 1 { largest.rows = asked.map(\.rows).max() ?? 0 }
      self.init(
        images: largest.images, rows: largest.rows, supervised: largest.supervised,
        sequences: most, longest: asked.map(\.rows).max() ?? 0,
        newTokens: newTokens, sizes: sizes)
      self.passes = passes * arms
    }

    /// Counts the batches of a validation.
    /// - Throws: as `PromptRenderer.training`.
    package init(
      validation samples: any TrainingSamples, settings: ValidationSettings, batchSize: Int, renderer: PromptRenderer,
      rowsPerImage: Int
    ) throws {
      let chosen = Validator.spread(settings.evalLimit ?? samples.count, over: Array(0..<samples.count))
      let asked = try chosen.map { sample in
        let (question, answer) = try samples.text(sample), shown = samples.images(of: sample)
        let prompt = try renderer.training(question: question, answer: answer, images: shown.count)
        return Asked(
          rows: prompt.count + rowsPerImage * prompt.imageCount - 1, supervised: prompt.supervisedCount, images: shown)
      }
      self.init(asked, batchSize: batchSize, newTokens: settings.evalMaxNewTokens)
    }
  }

  /// Buffers of each part of answering at its highest; of one after the other.
  struct AnswerBytes {
    /// The vision encoder's pass; the prompts' pass, keys and values included; a token's; the pass for likelihoods.
    var vision = BufferBytes(), prompts = BufferBytes(), tokens = BufferBytes(), likelihoods = BufferBytes()
    /// Keys and values.
    var cache = BufferBytes()
    /// The copy of the output head in 8 bits, which stays once it is made.
    var headCopy = BufferBytes()

    /// What is needed at once at any time.
    func highest(_ bytes: KeyPath<BufferBytes, Int>) -> Int {
      [vision, prompts, tokens + headCopy, likelihoods].map { $0[keyPath: bytes] }.max() ?? 0
    }
  }

  /// Buffers of answering questions.
  static func bytes(of answers: Answers, _ plan: Plan, _ memory: ActivationMemory) -> AnswerBytes {
    let decoder = plan.decoder, rows = answers.rows, narrow = memory.narrow
    var result = AnswerBytes()
    // With kept features images are encoded one by one.
    result.vision = memory.visionPass(
      plan.vision, rows: (plan.keepsFeatures ? min(1, answers.images) : answers.images) * plan.vision.patchCount,
      rounds: plan.roundsVision, fuses: plan.fusesProducts)
    var shared = BufferBytes()
    // Rows of the images.
    shared.add(answers.images * plan.rowsPerImage, decoder.hiddenSize, size: narrow)
    let keys = decoder.keyValueHeadCount * decoder.headSize, capacity = answers.longest + answers.newTokens
    for isLocal in decoder.layerIsLocal {
      result.cache.add(
        answers.sequences * (isLocal ? min(decoder.window, capacity) : capacity), keys, size: narrow, count: 2)
    }
    result.prompts =
      shared + result.cache
      + memory.decoderPass(
        decoder, rows: rows, rounds: plan.roundsDecoder, fuses: plan.fusesProducts && !plan.roundsDecoder)
    result.tokens = shared + result.cache
    // Where one of several sequences ends, or beams change, those that go on are copied before the others go.
    if answers.sequences > 1 { result.tokens += result.cache }
    result.tokens.add(answers.sequences, decoder.vocabularySize, count: 2)
    let head = decoder.vocabularySize * decoder.hiddenSize
    if answers.picksLargest, plan.precision == .bfloat16, !plan.isOnDevice,
      answers.newTokens > LogitPrefilter.patience, head * 2 >= LogitPrefilter.smallestByteCount
    {
      result.headCopy.add(1, roundedByteCount([decoder.vocabularySize, decoder.hiddenSize]), size: 1)
    }
    if answers.supervised > 0 {
      result.likelihoods =
        shared + memory.decoderPass(decoder, rows: rows, rounds: plan.roundsDecoder, fuses: false)
        + memory.loss(decoder, supervised: answers.supervised)
    }
    return result
  }
}
