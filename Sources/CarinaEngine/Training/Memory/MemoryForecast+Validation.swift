import CarinaModel
import CarinaTensor
import CarinaText

extension MemoryForecast {
  /// What a validation with answers computes at once, at its largest.
  package struct Validation: Equatable, Sendable {
    /// Images, rows of all sequences, and rows that predict a supervised token, of the largest batch.
    package let images: Int, rows: Int, supervised: Int
    /// Sequences that are answered together, rows of the longest, and the most tokens of an answer.
    package let sequences: Int, longest: Int, newTokens: Int
    /// The numbers of rows that batches have, each of which the product library prepares products for.
    package let sizes: BatchSizes

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

    /// Counts the batches of a validation.
    /// - Throws: as `PromptRenderer.training`.
    package init(
      _ samples: any TrainingSamples, settings: ValidationSettings, batchSize: Int, renderer: PromptRenderer,
      rowsPerImage: Int
    ) throws {
      let chosen = Validator.spread(settings.evalLimit ?? samples.count, over: Array(0..<samples.count))
      var largest = (images: 0, rows: 0, supervised: 0), longest = 0, sizes = BatchSizes()
      for first in stride(from: 0, to: chosen.count, by: batchSize) {
        var rows = 0, supervised = 0, images: Set<Int> = []
        for sample in chosen[first..<min(chosen.count, first + batchSize)] {
          let (question, answer) = try samples.text(sample), shown = samples.images(of: sample)
          let prompt = try renderer.training(question: question, answer: answer, images: shown.count)
          let length = prompt.count + rowsPerImage * prompt.imageCount - 1
          rows += length
          longest = max(longest, length)
          supervised += prompt.supervisedCount
          images.formUnion(shown)
        }
        largest = (
          max(largest.images, images.count), max(largest.rows, rows), max(largest.supervised, supervised)
        )
        sizes.others.all.insert(rows)
        sizes.others.supervised.insert(supervised)
        sizes.images.formUnion([images.count, 1])
        // Answers begin with the prompts alone, of which the last block reads one row each.
        sizes.others.all.insert(rows - supervised)
        sizes.others.supervised.insert(min(chosen.count, first + batchSize) - first)
      }
      (images, rows, supervised) = largest
      self.longest = longest
      sequences = min(batchSize, chosen.count)
      newTokens = settings.evalMaxNewTokens
      self.sizes = sizes
    }
  }

  /// Buffers of a validation at their highest: of its loss, or of its answers.
  static func validationBytes(_ validation: Validation, _ plan: Plan, _ memory: ActivationMemory) -> BufferBytes {
    let decoder = plan.decoder, rows = validation.rows
    var shared = BufferBytes()
    // Rows of the images, and the residual stream before and behind a block.
    shared.add(validation.images * plan.rowsPerImage, decoder.hiddenSize)
    shared.add(rows, decoder.hiddenSize, count: 2)
    // What a block keeps for its backward pass is what it has at once and more.
    shared += memory.decoderBlock(decoder, rows: rows, read: rows, isTrained: false)
    let loss = shared + memory.loss(decoder, supervised: validation.supervised)
    var answers = shared
    let keys = decoder.keyValueHeadCount * decoder.headSize, vocabulary = decoder.vocabularySize
    answers.add(
      validation.sequences * (validation.longest + validation.newTokens), keys, count: 2 * decoder.layerCount)
    answers.add(validation.sequences, vocabulary, count: 2)
    // The copy of the output head in 8 bits.
    if plan.precision == .bfloat16 { answers.add(vocabulary, decoder.hiddenSize, size: 1) }
    let images = plan.keepsFeatures ? 1 : validation.images
    return .larger(
      .larger(loss, answers), memory.visionForward(plan.vision, rows: images * plan.vision.patchCount))
  }
}
