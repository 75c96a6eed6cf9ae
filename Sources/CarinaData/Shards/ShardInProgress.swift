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
      return try InspectedImage(ofFileAt: path, transform)
    }
    (self.planned, self.inspected) = (planned, inspected)
    digest =
      wantsDigest ? (try? inspected.get()).map { String(SHA256Digest.of(Data($0.pixels.values)).prefix(32)) } : nil
  }
}

/// A shard being made, with what was left out of it.
final class ShardInProgress {
  private let writer: ShardWriter
  private(set) var rejections = Rejections()
  private var remarks = ImageRemarks()
  private var pixels: [FinishedShard.Pixels] = []

  init(_ writer: ShardWriter) { self.writer = writer }

  /// Writes an image, or notes why not.
  /// - Throws: `CarinaError.cannotWrite`.
  func add(_ decoded: DecodedImage) throws {
    let planned = try decoded.planned.get()
    switch decoded.inspected {
    case .success(let image):
      let usable = planned.samples.filter { !$0.record.answer.isEmpty }
      for sample in planned.samples where sample.record.answer.isEmpty { try rejections.add(sample: sample.record) }
      // An image none of whose answers can be used has no place in a shard.
      guard !usable.isEmpty else {
        rejections.images += 1
        return
      }
      if let digest = decoded.digest { pixels.append(.init(image: planned.image.id, digest: digest)) }
      try remarks.add(planned.image.id, image)
      try writer.add(planned.image, pixels: image.pixels, samples: usable)
    case .failure(let error):
      try rejections.add(image: planned, error: error)
    }
  }

  /// Completes the file.
  /// - Throws: `CarinaError.cannotWrite`.
  func finish() throws -> FinishedShard {
    FinishedShard(shard: try writer.finish(), rejections: rejections, remarks: remarks, pixels: pixels)
  }
}

/// The images of several shards, one after the other.
struct ShardQueue: Sendable {
  private let blocks: [ShardBlock]
  private let starts: [Int]
  /// How many images there are.
  let count: Int

  init(_ blocks: [ShardBlock]) {
    var (starts, count) = ([Int](), 0)
    for block in blocks {
      starts.append(count)
      count += block.images.count
    }
    (self.blocks, self.starts, self.count) = (blocks, starts, count)
  }

  /// The shard of an image, and its place in the plan of the shard's split.
  subscript(_ index: Int) -> (block: ShardBlock, image: Int) {
    var (low, high) = (0, starts.count)
    while high - low > 1 {
      let middle = (low + high) / 2
      if starts[middle] <= index { low = middle } else { high = middle }
    }
    return (blocks[low], blocks[low].images.lowerBound + index - starts[low])
  }
}
