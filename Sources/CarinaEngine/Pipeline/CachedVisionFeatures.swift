import CarinaData
import CarinaModel
import CarinaRuntime
import CarinaTensor

/// The vision features of a shard directory's images, each computed once by a frozen encoder and kept in a file.
///
/// An image is encoded by itself, so that its features depend on nothing but it: not on the batch it came in, nor on
/// what was there already.
package final class CachedVisionFeatures {
  /// What is there of an image before the model is asked.
  package enum Fetched {
    /// Its features, in the file's type.
    case kept(Tensor)
    /// Its normalised pixels, [1, channels · size · size], and its name in the file.
    case pixels(Tensor, ContentDigest)
  }

  /// The file.
  package let cache: FeatureCache
  private let shards: ShardDirectory
  private let transform: ImageTransform
  private let model: VisionLanguageModel

  /// - Parameters:
  ///   - cache: a file that was opened with the identity of this model and transform.
  ///   - shards: the images; every shard's bytes are compared with the manifest where that has not been done.
  /// - Throws: as `FeatureCache.register`.
  package init(
    _ cache: FeatureCache, shards: ShardDirectory, transform: ImageTransform, model: VisionLanguageModel
  ) throws {
    self.cache = cache
    self.shards = shards
    self.transform = transform
    self.model = model
    try cache.register(shards)
  }

  /// Reads what is kept of images, and the pixels of the others. Touches neither the model nor the team of threads.
  /// - Throws: `CarinaError.badData`, `.cannotWrite`.
  package func fetch(_ images: [Int]) throws -> [Fetched] {
    try images.map { image in
      if let features = try cache.features(ofImage: image, in: shards) { return .kept(features) }
      let pixels = try shards.pixels(imageRow: image)
      let digest = try cache.note(pixels, asImage: image, in: shards)
      // The same picture may stand in other shards too.
      if let features = try cache.features(of: digest) { return .kept(features) }
      return .pixels(PixelBatch.tensor([transform.normalized(pixels)], on: model.backend), digest)
    }
  }

  /// The features of images, encoding and keeping what is missing: [images · keptRowsPerImage, W] in the file's type.
  /// - Throws: `CarinaError.badData`, `.cannotWrite`.
  package func features(_ fetched: [Fetched]) throws -> Tensor {
    let identity = cache.identity
    let result = Tensor(
      uninitialized: [fetched.count * identity.rowCount, identity.width], elementType: identity.elementType,
      on: model.backend)
    for (index, image) in fetched.enumerated() {
      let rows = index * identity.rowCount..<(index + 1) * identity.rowCount
      model.backend.copy(try features(image), into: result.rowSlice(rows))
    }
    return result
  }

  private func features(_ image: Fetched) throws -> Tensor {
    switch image {
    case .kept(let features): return features
    case .pixels(let pixels, let digest):
      // Since the pixels were read an earlier batch may have had the same image.
      if let features = try cache.features(of: digest) { return features }
      return try cache.keeping(of: digest) { model.pooledFeatures(pixels, count: pixels.rows, tape: nil) }
    }
  }
}
