import CarinaRuntime
import Foundation

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
      // An image none of whose answers can be used is not stored in a shard.
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
