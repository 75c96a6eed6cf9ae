import CarinaModel
import CarinaRuntime
import CarinaText

/// Samples of several images against the positions that a decoder has.
package enum LongSamples {
  /// Refuses a sample that does not fit.
  /// - Parameter source: names the samples in the error.
  /// - Throws: `CarinaError.badData` with the first such sample, and as `PromptRenderer.training`.
  package static func refuse(
    _ samples: any TrainingSamples, renderer: PromptRenderer, model: VisionLanguageModel, source: String
  ) throws {
    let most = model.decoder.config.maximumPositions
    for sample in 0..<samples.count {
      let images = samples.images(of: sample).count
      guard images > 1 else { continue }
      let (question, answer) = try samples.text(sample)
      // A token stands for a byte at least, and a layout takes a few tokens an image.
      guard images * (model.rowsPerImage + 8) + question.utf8.count + answer.utf8.count + 64 > most else { continue }
      let prompt = try renderer.training(question: question, answer: answer, images: images)
      let rows = prompt.count + images * model.rowsPerImage
      guard rows <= most else {
        throw CarinaError(
          .badData,
          "sample \(sample) does not fit into the model: its \(images) images alone take "
            + "\(images * model.rowsPerImage) positions", at: source, expected: "at most \(most) positions",
          found: "\(rows)", remedy: "Show fewer images a sample.")
      }
    }
  }
}
