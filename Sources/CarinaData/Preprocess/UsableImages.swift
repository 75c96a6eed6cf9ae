import Foundation

/// Whether images that lie in another shard can be used: a sample that shows one that cannot is left out, and no shard is
/// made after another. Each image is decoded once more for that, however many samples show it.
///
/// Unchecked because what is known is read and changed under the lock alone.
final class UsableImages: @unchecked Sendable {
  private let lock = NSLock()
  private var known: [Int: Bool] = [:]

  /// Whether the image of a number can be read and resized.
  func isUsable(_ image: Int, of plan: ImagePlan, _ transform: ImageTransform) -> Bool {
    if let known = lock.withLock({ known[image] }) { return known }
    let found = Result {
      let name = try plan.name(image)
      return try DecodedImage.inspect(plan.roots.locate(name), name: name, plan.roots, transform)
    }
    let isUsable = (try? found.get()) != nil
    lock.withLock { known[image] = isUsable }
    return isUsable
  }
}
