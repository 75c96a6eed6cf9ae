import CarinaModel
import CarinaRuntime
import CarinaTensor

/// Stage 0, vision: the sigmoid loss of SigLIP between images and the sentences of their captions.
///
/// A sentence is a positive of every image whose caption contains it, not only of the one it was drawn with: with whole
/// captions as texts, or with equal sentences as each other's negatives, small batches teach next to nothing.
package final class ContrastiveObjective: TrainingObjective {
  private let model: SiglipModel
  private let images: [(image: Int, sentences: Set<Int>)]
  private let sentenceTokens: [[Int]]
  private let samples: any TrainingSamples

  /// - Parameters:
  ///   - model: both towers, trained in all their weights.
  ///   - samples: images with captions; an image with several captions counts once, with the sentences of all.
  ///   - encode: turns a sentence into ids.
  package init(model: SiglipModel, samples: any TrainingSamples, encode: (String) -> [Int]) throws {
    var sentenceIndex: [ExactText: Int] = [:], tokens: [[Int]] = []
    var rows: [Int: Int] = [:], images: [(image: Int, sentences: Set<Int>)] = []
    for sample in 0..<samples.count {
      let shown = samples.images(of: sample)
      // The loss knows pairs of an image and a text alone.
      guard let image = shown.first, shown.count == 1 else {
        throw CarinaError(
          .badData, "sample \(sample) shows \(shown.count) images, which cannot be paired with its caption",
          expected: "one image a sample in stage 0",
          remedy: "Give each image a caption of its own here; stages 1 and 2 take several.")
      }
      let row = rows[image] ?? images.count
      if rows[image] == nil {
        rows[image] = row
        images.append((image, []))
      }
      for sentence in CaptionSentences.split(try samples.text(sample).answer) {
        let index = sentenceIndex[ExactText(sentence)] ?? tokens.count
        if sentenceIndex[ExactText(sentence)] == nil {
          sentenceIndex[ExactText(sentence)] = index
          tokens.append(model.text.padded(encode(sentence)))
        }
        images[row].sentences.insert(index)
      }
    }
    self.model = model
    self.samples = samples
    self.images = images
    sentenceTokens = tokens
  }

  /// The model's.
  package var backend: any Backend { model.backend }
  /// One an image.
  package var sampleCount: Int { images.count }
  /// Both towers'.
  package var parameters: [Parameter] { model.parameters }
  /// All, in every epoch.
  package func trainedParameters(epoch: Int) -> [Parameter] { model.parameters }
  /// Images.
  package func weight(of batch: ContrastiveBatch) -> Int { batch.imageCount }

  /// Reads the images and gathers every sentence that describes one of them.
  package func prepare(_ rows: [Int]) throws -> ContrastiveBatch {
    let chosen = rows.map { images[$0] }
    let sentences = chosen.reduce(into: Set<Int>()) { $0.formUnion($1.sentences) }.sorted()
    return ContrastiveBatch(
      pixels: try PixelBatch.read(chosen.map(\.image), from: samples, on: model.backend), imageCount: rows.count,
      texts: sentences.map { sentenceTokens[$0] },
      isPositive: chosen.flatMap { image in sentences.map(image.sentences.contains) })
  }

  /// See `TrainingObjective`.
  package func accumulate(_ batch: ContrastiveBatch, scale: Float, finiteWatch: FiniteWatch?) -> Double {
    let tape = Tape(finiteWatch: finiteWatch)
    let loss = model.loss(
      pixels: batch.pixels, count: batch.imageCount, texts: batch.texts, isPositive: batch.isPositive,
      divisor: 1 / scale, tape: tape
    ).loss
    tape.backward(from: loss)
    return Double(loss.values[0] / scale)
  }
}
