import CarinaRuntime
import Foundation

/// A shard being made, with what was left out of it.
final class ShardInProgress {
  private let writer: ShardWriter
  private(set) var rejections = Rejections()
  private var remarks = ImageRemarks()
  private var pixels: [FinishedShard.Pixels] = []
  private var samples: [ShardWriter.NumberedSample] = []
  /// By their numbers the images that can be used, or not: those of this shard, and of others those that samples show.
  private var isUsable: [Int: Bool] = [:]

  init(_ writer: ShardWriter) { self.writer = writer }

  /// Writes an image, or notes why not.
  /// - Parameter number: which one of the plan it is.
  /// - Throws: `CarinaError.cannotWrite`.
  func add(_ decoded: DecodedImage, number: Int) throws {
    let planned = try decoded.planned.get()
    switch decoded.inspected {
    case .success(let image):
      let usable = planned.samples.filter { !$0.record.answer.isEmpty }
      for sample in planned.samples where sample.record.answer.isEmpty { try rejections.add(sample: sample.record) }
      // An image none of whose answers can be used is not stored in a shard.
      guard !usable.isEmpty || planned.further.contains(where: { !$0.answer.isEmpty }) else {
        rejections.images += 1
        return
      }
      if let digest = decoded.digest { pixels.append(.init(image: planned.image.id, digest: digest)) }
      try remarks.add(planned.image.id, image)
      try writer.add(planned.image, number: number, pixels: image.pixels)
      samples += usable
      isUsable[number] = true
      isUsable.merge(decoded.elsewhere) { own, _ in own }
    case .failure(let error):
      try rejections.add(image: planned, error: error)
    }
  }

  /// Completes the file. A sample whose further images cannot all be used is left out: the line of the image, which the
  /// shard of that image writes, names it.
  /// - Throws: `CarinaError.cannotWrite`.
  func finish() throws -> FinishedShard {
    let whole = samples.filter { $0.images.allSatisfy { isUsable[$0] == true } }
    rejections.samples += samples.count - whole.count
    return FinishedShard(
      shard: try writer.finish(whole), rejections: rejections, remarks: remarks, pixels: pixels)
  }
}
