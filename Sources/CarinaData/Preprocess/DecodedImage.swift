import CarinaRuntime
import Foundation

/// An image after a worker has been at it.
struct DecodedImage {
  /// The image and its samples; a failure when the list of records cannot be read back.
  let planned: Result<ImagePlan.PlannedImage, Error>
  /// Its pixels and what is odd about it, or why there are none.
  let inspected: Result<InspectedImage, Error>
  /// 32 hexadecimal digits of the pixels' SHA-256, where asked for.
  let digest: String?
  /// Of the images of other shards that its samples show, by their numbers, whether they can be used.
  let elsewhere: [Int: Bool]

  /// - Parameters:
  ///   - own: the images of the shard.
  ///   - others: knows about the images of other shards.
  init(
    _ plan: ImagePlan, _ index: Int, own: Range<Int>, others: UsableImages, _ transform: ImageTransform,
    wantsDigest: Bool
  ) {
    let planned = Result { try plan.image(index) }
    let inspected = Result {
      let planned = try planned.get()
      return try DecodedImage.inspect(planned.path, name: planned.image.id, plan.roots, transform)
    }
    (self.planned, self.inspected) = (planned, inspected)
    digest =
      wantsDigest ? (try? inspected.get()).map { String(SHA256Digest.of(Data($0.pixels.values)).prefix(32)) } : nil
    var elsewhere: [Int: Bool] = [:]
    if case .success = inspected, let planned = try? planned.get() {
      for image in planned.samples.flatMap(\.images) where !own.contains(image) && elsewhere[image] == nil {
        elsewhere[image] = others.isUsable(image, of: plan, transform)
      }
    }
    self.elsewhere = elsewhere
  }

  /// Reads and resizes an image.
  /// - Parameter path: where it is; nil when no root has it.
  /// - Throws: `CarinaError` saying why it cannot be used.
  static func inspect(_ path: String?, name: String, _ roots: ImageRoots, _ transform: ImageTransform) throws
    -> InspectedImage
  {
    guard let path else { throw ImagePlan.notFound(name) }
    try roots.requireAllowed(path, name: name)
    return try InspectedImage(ofFileAt: path, transform)
  }
}
