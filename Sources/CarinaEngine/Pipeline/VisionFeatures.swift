import CarinaModel
import CarinaRuntime
import CarinaTensor

/// The vision features of samples' images as far as the projector needs no weight for them (`Projector.pooled`): encoded
/// whenever they are wanted, or kept in a file.
///
///     let input = try features.prepare([0, 1])      // in the loader: reads pixels, or what is kept
///     let rows = try features.rows(input, tape: nil)  // [2 · keptRowsPerImage, W]
package final class VisionFeatures {
  /// What there is of a batch's images before the model is asked.
  package enum Input {
    /// [images, channels · size · size], normalised.
    case pixels(Tensor)
    /// Kept features, and the pixels of images that have none yet.
    case fetched([CachedVisionFeatures.Fetched])
  }

  private let model: VisionLanguageModel
  private let samples: any TrainingSamples
  private let kept: CachedVisionFeatures?

  /// - Parameters:
  ///   - samples: whose images are asked for, by their rows.
  ///   - kept: where features are kept; only for an encoder that is never trained, and images that are never changed.
  package init(_ model: VisionLanguageModel, samples: any TrainingSamples, kept: CachedVisionFeatures? = nil) {
    self.model = model
    self.samples = samples
    self.kept = kept
  }

  /// Reads pixels, with an epoch as training sees them then, or what is kept. Touches neither the model nor the team of
  /// threads.
  /// - Throws: `CarinaError.badData`, `.cannotWrite`.
  package func prepare(_ images: [Int], epoch: Int? = nil) throws -> Input {
    try kept.map { .fetched(try $0.fetch(images)) }
      ?? .pixels(try PixelBatch.read(images, from: samples, epoch: epoch, on: model.backend))
  }

  /// Features of prepared images, [images · keptRowsPerImage, W]; in the file's type where they are kept.
  /// - Throws: `CarinaError.badData`, `.cannotWrite`.
  package func rows(_ input: Input, isCheckpointed: Bool = false, tape: Tape?) throws -> Tensor {
    switch input {
    case .pixels(let pixels):
      return model.pooledFeatures(pixels, count: pixels.rows, isCheckpointed: isCheckpointed, tape: tape)
    case .fetched(let fetched):
      guard let kept else { throw CarinaError(.internalFailure, "a batch of kept features without their file") }
      return try kept.features(fetched)
    }
  }
}

extension VisionLanguageModel {
  /// Projected rows of images, [images · rowsPerImage, D], from their normalised pixels, [images, channels · size ·
  /// size].
  package func imageRows(_ pixels: Tensor) -> Tensor {
    projector(features(pixels, count: pixels.rows, tape: nil), tape: nil)
  }
}
