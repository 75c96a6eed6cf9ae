import CarinaModel
import CarinaRuntime
import CarinaTensor

/// Stage 0, vision: the sigmoid loss of SigLIP between images and the texts that describe them.
///
/// A text is a positive of every image that it describes, not only of the one it was drawn with: with equal texts as each
/// other's negatives, small batches teach next to nothing.
package final class ContrastiveObjective: TrainingObjective {
  private let model: SiglipModel
  private let pairs: ContrastivePairs
  private let samples: any TrainingSamples
  private let freezing: TowerFreezing
  private let pieces: ContrastivePieces?
  private let isCheckpointed: Bool

  /// - Parameters:
  ///   - pairs: images of the samples with their texts.
  ///   - freezing: what stays as it is.
  ///   - pieces: how much of a batch goes through a tower at once; nil for all of it.
  ///   - isCheckpointed: blocks run again in the backward pass instead of keeping their activations.
  package init(
    model: SiglipModel, pairs: ContrastivePairs, samples: any TrainingSamples, freezing: TowerFreezing,
    pieces: ContrastivePieces? = nil, isCheckpointed: Bool = false
  ) {
    self.model = model
    self.pairs = pairs
    self.samples = samples
    self.freezing = freezing
    self.pieces = pieces
    self.isCheckpointed = isCheckpointed
  }

  /// Trains all weights on the sentences of captions, whole batches at a time.
  /// - Parameter encode: turns a sentence into ids.
  package convenience init(
    model: SiglipModel, samples: any TrainingSamples, encode: @escaping (String) -> [Int]
  ) throws {
    let pairs = try ContrastivePairs(samples) { sample in
      CaptionSentences.split(try samples.text(sample).answer).map { sentence in
        (ExactText(sentence), { model.text.padded(encode(sentence)) })
      }
    }
    self.init(model: model, pairs: pairs, samples: samples, freezing: TowerFreezing())
  }

  /// The model's.
  package var backend: any Backend { model.backend }
  /// One an image.
  package var sampleCount: Int { pairs.images.count }
  /// Both towers'.
  package var parameters: [Parameter] { model.parameters }
  /// The same in every epoch.
  package func trainedParameters(epoch: Int) -> [Parameter] { freezing.trainedParameters(of: model) }
  /// Images.
  package func weight(of batch: ContrastiveBatch) -> Int { batch.imageCount }
  /// The first sample that shows the image.
  package func sampleName(_ sample: Int) -> String { samples.name(of: pairs.images[sample].sample) }

  /// Reads the images and gathers every text that describes one of them.
  package func prepare(_ rows: [Int]) throws -> ContrastiveBatch { try batch(rows, epoch: nil) }

  /// The same with images as training sees them in an epoch.
  package func prepare(_ rows: [Int], epoch: Int) throws -> ContrastiveBatch { try batch(rows, epoch: epoch) }

  private func batch(_ rows: [Int], epoch: Int?) throws -> ContrastiveBatch {
    let texts = pairs.texts(of: rows)
    return ContrastiveBatch(
      pixels: try PixelBatch.read(rows.map { pairs.images[$0].image }, from: samples, epoch: epoch, on: model.backend),
      imageCount: rows.count, texts: texts.map { pairs.texts[$0] }, isPositive: pairs.isPositive(rows, texts))
  }

  /// See `TrainingObjective`.
  package func accumulate(_ batch: ContrastiveBatch, scale: Float, finiteWatch: FiniteWatch?) throws -> LossSum {
    try accumulate(batch, scale: scale, finiteWatch: finiteWatch, betweenPieces: {})
  }

  /// See `TrainingObjective`.
  package func accumulate(
    _ batch: ContrastiveBatch, scale: Float, finiteWatch: FiniteWatch?, betweenPieces: () throws -> Void
  ) throws -> LossSum {
    func sum(_ loss: Tensor) -> LossSum { LossSum(of: loss) { Double(($0.first ?? 0) / scale) } }
    if let pieces, pieces.divides(batch) {
      return sum(
        try pieces.accumulate(
          batch, model: model, divisor: 1 / scale, isCheckpointed: isCheckpointed, finiteWatch: finiteWatch,
          betweenPieces: betweenPieces))
    }
    let tape = Tape(finiteWatch: finiteWatch)
    let loss = model.loss(
      pixels: batch.pixels, count: batch.imageCount, texts: batch.texts, isPositive: batch.isPositive,
      divisor: 1 / scale, isCheckpointed: isCheckpointed, tape: tape
    ).loss
    tape.backward(from: loss)
    return sum(loss)
  }
}
