import CarinaRuntime
import Foundation

/// Writes images, in the order in which they come, and then samples into one shard.
///
/// A shard is grey as long as all its images are; the first colour image turns it into a colour one. Which shard is
/// which therefore depends on its images alone, and equal input gives equal bytes.
final class ShardWriter {
  /// A sample with its number among all records, by which the samples of a shard are ordered, and the numbers of its
  /// images in the directory, the first of them in this shard.
  struct NumberedSample {
    let number: Int
    let record: SampleRecord
    let images: [Int]
  }

  private let path: String
  private let name: String
  private let transform: ImageTransform
  private let split: String
  private let sourceDigest: String
  private let version: Int
  private var current: OpenShard?

  /// - Parameters:
  ///   - path: the file to write.
  ///   - name: what the manifest calls it.
  ///   - version: of the format: that of one image a sample, or that of several.
  init(path: String, name: String, transform: ImageTransform, split: String, sourceDigest: String, version: Int) {
    self.path = path
    self.name = name
    self.transform = transform
    self.split = split
    self.sourceDigest = sourceDigest
    self.version = version
  }

  /// Adds an image.
  /// - Parameter number: which one of the directory it is, above that of the image before.
  /// - Throws: `CarinaError.cannotWrite`.
  func add(_ image: ShardImage, number: Int, pixels: ImagePixels) throws {
    let shard = try current ?? OpenShard(path, size: transform.size, channels: pixels.channels)
    current = shard
    if pixels.channels > shard.channels { try shard.turnIntoColour() }
    try shard.append(image, number: number, pixels: shard.channels == 3 ? pixels.expanded() : pixels)
  }

  /// Adds the samples, completes the file and brings it to the disk.
  /// - Returns: its line in the manifest; nil when no image was added and there is no file.
  /// - Throws: `CarinaError.cannotWrite`.
  func finish(_ samples: [NumberedSample]) throws -> ShardManifest.Shard? {
    guard let shard = current else { return nil }
    current = nil
    let file = shard.file
    let samples = samples.sorted { $0.number < $1.number }
    file.addBytes(ShardFormat.pixels, shape: [shard.images.count] + shard.rowShape, at: shard.start)
    try file.write(shard.sums, as: ShardFormat.pixelSums)
    for (name, column) in zip(ShardFormat.imageTexts, [\ShardImage.id, \.patient, \.study, \.view]) {
      try file.write(shard.images.map { $0[keyPath: column] }, as: name)
    }
    if version == ShardFormat.severalVersion {
      try file.write(shard.numbers.map { Int64($0) }, as: ShardFormat.imageNumbers)
      try file.write(samples.flatMap { $0.images.map { Int64($0) } }, as: ShardFormat.sampleNumbers)
      var offsets: [Int64] = [0], end: Int64 = 0
      for sample in samples {
        end += Int64(sample.images.count)
        offsets.append(end)
      }
      try file.write(offsets, as: ShardFormat.sampleOffsets)
    } else {
      let rows = Dictionary(uniqueKeysWithValues: shard.numbers.enumerated().map { ($1, Int32($0)) })
      let sampleRows = try samples.map { sample in
        guard sample.images.count == 1, let row = rows[sample.images[0]] else {
          throw CarinaError(.internalFailure, "a sample does not have one image of its shard", at: path)
        }
        return row
      }
      try file.write(sampleRows, as: ShardFormat.sampleImage)
    }
    let columns = [\SampleRecord.id, \.question, \.answer, \.answerType, \.questionType]
    for (name, column) in zip(ShardFormat.sampleTexts, columns) {
      try file.write(samples.map { $0.record[keyPath: column] }, as: name)
    }
    file.setAttribute("format_version", integer: UInt32(version))
    try file.setAttribute("transform_id", text: transform.id)
    try file.setAttribute("transform_settings", text: try transform.settings.serialized())
    try file.setAttribute("split", text: split)
    try file.setAttribute("source_digest", text: sourceDigest)
    let size = try file.finish()
    return ShardManifest.Shard(
      file: name, images: shard.images.count, samples: samples.count, channels: shard.channels, bytes: size,
      sha256: try SHA256Digest.ofFile(path))
  }
}

/// The shard being written: pixels go to the file at once, the rest waits for its end.
private final class OpenShard {
  private let size: Int
  private(set) var channels: Int
  let file: HDF5OutputFile
  /// Where the pixels begin in the file.
  let start: Int
  private(set) var sums: [UInt32] = []
  private(set) var images: [ShardImage] = []
  private(set) var numbers: [Int] = []

  init(_ path: String, size: Int, channels: Int) throws {
    (self.size, self.channels) = (size, channels)
    file = try HDF5OutputFile(path)
    start = file.reserve(0)
  }

  var rowShape: [Int] { channels == 1 ? [size, size] : [size, size, 3] }

  func append(_ image: ShardImage, number: Int, pixels: ImagePixels) throws {
    precondition(pixels.values.count == rowShape.reduce(1, *))
    try write(pixels.values, row: images.count)
    file.extend(by: pixels.values.count)
    images.append(image)
    numbers.append(number)
  }

  /// Gives the rows written so far three channels, from the last to the first: a row never reaches one before it.
  func turnIntoColour() throws {
    let count = images.count, grey = size * size
    channels = 3
    file.extend(by: 2 * count * grey)
    sums = [UInt32](repeating: 0, count: count)
    var row = [UInt8](repeating: 0, count: grey)
    for index in (0..<count).reversed() {
      try row.withUnsafeMutableBytes { try file.read(into: $0, at: start + index * grey) }
      try write(ImagePixels(values: row, size: size, channels: 1).expanded().values, row: index)
    }
  }

  private func write(_ values: [UInt8], row: Int) throws {
    try values.withUnsafeBytes { bytes in
      if row == sums.count { sums.append(0) }
      sums[row] = CRC32.of(bytes)
      try file.write(bytes, at: start + row * values.count)
    }
  }
}
