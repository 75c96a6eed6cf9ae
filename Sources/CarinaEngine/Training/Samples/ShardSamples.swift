import CarinaData
import CarinaRuntime
import CarinaTensor

/// The samples of a shard directory, with the pixels normalised for one vision encoder.
public final class ShardSamples: TrainingSamples {
  /// The directory read.
  public let shards: ShardDirectory
  /// From stored pixels to the encoder's numbers.
  public let transform: ImageTransform
  /// How images are changed while training, and the seed of it; nil leaves them as they are.
  package let augmentation: (changes: ImageAugmentation, seed: UInt64)?

  /// - Parameters:
  ///   - shards: an open directory.
  ///   - transform: how the pixels were made, with the encoder's normalisation; the stored pixels must have been made
  ///     the same way.
  ///   - augmentation: for training alone; never for samples that are evaluated.
  /// - Throws: `CarinaError.badData` when they were not, or there is none.
  public init(
    _ shards: ShardDirectory, transform: ImageTransform,
    augmentation: (changes: ImageAugmentation, seed: UInt64)? = nil
  ) throws {
    self.augmentation = augmentation.flatMap { $0.changes.isOff ? nil : $0 }
    try transform.requireSamePixels(as: shards.transform, at: shards.path)
    guard shards.sampleCount > 0 else {
      throw CarinaError(
        .badData, "there is nothing to train on or to ask about: the data holds no samples", at: shards.path,
        remedy: "Run preprocess again.")
    }
    self.shards = shards
    self.transform = transform
  }

  /// Samples in all shards.
  public var count: Int { shards.sampleCount }
  /// Question and answer of a sample.
  public func text(_ sample: Int) -> (question: String, answer: String) {
    let sample = shards.sample(sample)
    return (sample.question, sample.answer)
  }
  /// The id of a sample.
  public func name(of sample: Int) -> String { shards.sample(sample).id }
  /// The rows of a sample's images, in their order.
  package func images(of sample: Int) -> [Int] { shards.sample(sample).imageRows }
  /// The row of a sample's first image.
  public func image(of sample: Int) -> Int { shards.sample(sample).imageRow }
  /// Pixels of an image row, normalised: [3, size, size].
  public func pixels(image: Int) throws -> [Float] {
    transform.normalized(try shards.pixels(imageRow: image))
  }
  /// The same, augmented.
  public func pixels(image: Int, epoch: Int) throws -> [Float] {
    let pixels = try shards.pixels(imageRow: image)
    guard let (changes, seed) = augmentation else { return transform.normalized(pixels) }
    return transform.normalized(changes.applied(to: pixels, image: image, epoch: epoch, seed: seed))
  }
  /// Pixels of image rows, normalised: [images, 3 · size · size].
  /// - Throws: as `ShardDirectory.pixels(imageRow:)`.
  public func tensor(ofImages images: [Int], on device: Device) throws -> Tensor {
    try PixelBatch.read(images, from: self, on: device.backend)
  }
}
