import CarinaData
import CarinaModel
import CarinaRuntime

/// From images to a vision encoder's numbers, and how much of that the model knows itself.
package struct PipelineTransform {
  /// From image files to pixels.
  package var transform: ImageTransform
  /// Whether the transform says how the pixels were made that the model was trained on; that of parts knows size,
  /// filter and normalisation only.
  package let knowsPixels: Bool
  /// What was assumed where the model has no image settings, for the header of a run.
  package let assumption: String?

  /// Collects the values.
  init(_ transform: ImageTransform, knowsPixels: Bool, assumption: String? = nil) {
    self.transform = transform
    self.knowsPixels = knowsPixels
    self.assumption = assumption
  }

  /// Refuses a transform that makes other images than the encoder takes.
  /// - Throws: `CarinaError.badData`; `path` names the encoder.
  func require(_ vision: VisionConfig, at path: String) throws {
    guard transform.size == vision.imageSize, vision.channelCount == 3 else {
      throw CarinaError(
        .badData, "the image transform does not fit the vision encoder", at: path,
        expected: "3 channels of \(vision.imageSize) pixels a side in both",
        found: "\(vision.channelCount) channels, and a transform to \(transform.size) pixels")
    }
  }

  /// From the stored pixels of a shard directory to the encoder's numbers. A checkpoint knows how its pixels were made
  /// and refuses others; parts know only a size, a filter and a normalisation, and where they were assumed the filter is
  /// the shards'.
  /// - Throws: `CarinaError.badData` naming what differs.
  package func of(_ shards: ShardDirectory) throws -> ImageTransform {
    guard knowsPixels else {
      let wanted = assumption == nil ? transform : try transform.with(filter: shards.transform.filter)
      return try shards.transform.withNormalization(of: wanted, at: shards.path)
    }
    try transform.requireSamePixels(as: shards.transform, at: shards.path)
    return transform
  }

  /// Refuses shards whose images have another size than the encoder takes.
  /// - Parameter transform: what `of` gave for the shards.
  /// - Throws: `CarinaError.badData`; `path` names the shards.
  static func requireSize(_ transform: ImageTransform, _ vision: VisionConfig, at path: String) throws {
    let size = vision.imageSize
    guard transform.size == size else {
      throw CarinaError(
        .badData, "the shards hold images of another size than the vision encoder takes", at: path,
        expected: "\(size) pixels", found: "\(transform.size)",
        remedy: "Preprocess with \(setting: .imageSize) \(size).")
    }
  }
}
