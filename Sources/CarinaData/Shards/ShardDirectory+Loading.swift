import Foundation

extension ShardDirectory {
  /// Samples with their pixels, in the order asked for; an image that occurs twice is read once.
  /// - Precondition: every number is in 0..<`sampleCount`.
  /// - Throws: `CarinaError.badData` when pixels cannot be read.
  public func load(_ indices: [Int]) throws -> [LoadedSample] {
    var read: [Int: ImagePixels] = [:]
    return try indices.map { index in
      let sample = sample(index)
      let pixels = try read[sample.imageRow] ?? self.pixels(imageRow: sample.imageRow)
      read[sample.imageRow] = pixels
      return LoadedSample(index: index, sample: sample, pixels: pixels)
    }
  }
}
