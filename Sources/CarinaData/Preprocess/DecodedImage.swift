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

  init(_ plan: ImagePlan, _ index: Int, _ transform: ImageTransform, wantsDigest: Bool) {
    let planned = Result { try plan.image(index) }
    let inspected = Result {
      let planned = try planned.get()
      guard let path = planned.path else { throw ImagePlan.notFound(planned.image.id) }
      try plan.roots.requireAllowed(path, name: planned.image.id)
      return try InspectedImage(ofFileAt: path, transform)
    }
    (self.planned, self.inspected) = (planned, inspected)
    digest =
      wantsDigest ? (try? inspected.get()).map { String(SHA256Digest.of(Data($0.pixels.values)).prefix(32)) } : nil
  }
}
