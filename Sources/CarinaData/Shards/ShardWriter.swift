import CarinaRuntime
import Foundation

/// Writes images and their samples into one shard, in the order in which they come.
///
/// A shard is grey as long as all its images are; the first colour image turns it into a colour one. Which shard is
/// which therefore depends on its images alone, and equal input gives equal bytes.
final class ShardWriter {
  /// A sample with its number among all records, by which the samples of a shard are ordered.
  typealias NumberedSample = (number: Int, record: SampleRecord)

  private let path: String
  private let name: String
  private let transform: ImageTransform
  private let split: String
  private let sourceDigest: String
  private let capacity: Int
  private var current: OpenShard?

  /// - Parameters:
  ///   - path: the file to write.
  ///   - name: what the manifest calls it.
  ///   - capacity: images at most.
  init(path: String, name: String, transform: ImageTransform, split: String, sourceDigest: String, capacity: Int) {
    self.path = path
    self.name = name
    self.transform = transform
    self.split = split
    self.sourceDigest = sourceDigest
    self.capacity = capacity
  }

  /// Adds an image with its samples.
  /// - Throws: `CarinaError.cannotWrite`.
  func add(_ image: ShardImage, pixels: ImagePixels, samples: [NumberedSample]) throws {
    let shard = try current ?? OpenShard(path, size: transform.size, channels: pixels.channels, capacity: capacity)
    current = shard
    if pixels.channels > shard.channels { try shard.turnIntoColour(capacity: capacity) }
    try shard.append(image, pixels: shard.channels == 3 ? pixels.expanded() : pixels, samples: samples)
  }

  /// Completes the file and brings it to the disk.
  /// - Returns: its line in the manifest; nil when no image was added and there is no file.
  /// - Throws: `CarinaError.cannotWrite`.
  func finish() throws -> ShardManifest.Shard? {
    guard let shard = current else { return nil }
    current = nil
    let file = shard.file
    try shard.rows.finish()
    for (name, column) in zip(ShardFormat.imageTexts, [\ShardImage.id, \.patient, \.study, \.view]) {
      try file.write(shard.images.map { $0[keyPath: column] }, as: name)
    }
    let samples = shard.samples.sorted { $0.sample.number < $1.sample.number }
    try file.write(samples.map(\.row), as: ShardFormat.sampleImage)
    let columns = [\SampleRecord.id, \.question, \.answer, \.answerType, \.questionType]
    for (name, column) in zip(ShardFormat.sampleTexts, columns) {
      try file.write(samples.map { $0.sample.record[keyPath: column] }, as: name)
    }
    try file.setAttribute("format_version", integer: Int32(ShardFormat.version))
    try file.setAttribute("transform_id", text: transform.id)
    try file.setAttribute("transform_settings", text: try transform.settings.serialized())
    try file.setAttribute("split", text: split)
    try file.setAttribute("source_digest", text: sourceDigest)
    try file.close()
    return ShardManifest.Shard(
      file: name, images: shard.images.count, samples: samples.count, channels: shard.channels,
      bytes: try ShardWriter.flushedSize(path), sha256: try SHA256Digest.ofFile(path))
  }

  /// Makes sure that a file is on the disk; its size.
  private static func flushedSize(_ path: String) throws -> Int {
    let descriptor = open(path, O_RDONLY)
    defer { if descriptor >= 0 { close(descriptor) } }
    var status = stat()
    guard descriptor >= 0, fsync(descriptor) == 0, fstat(descriptor, &status) == 0 else {
      throw CarinaError(
        .cannotWrite, "cannot be flushed: \(String(cString: strerror(errno)))", at: path,
        remedy: "Check the free space and the disk.")
    }
    return Int(status.st_size)
  }
}

/// The shard being written.
private final class OpenShard {
  let path: String
  private let size: Int
  private(set) var channels: Int
  private(set) var file: HDF5OutputFile
  private(set) var rows: HDF5Rows
  private(set) var images: [ShardImage] = []
  private(set) var samples: [(row: Int32, sample: ShardWriter.NumberedSample)] = []

  init(_ path: String, size: Int, channels: Int, capacity: Int) throws {
    self.path = path
    self.size = size
    self.channels = channels
    (file, rows) = try OpenShard.create(path, size: size, channels: channels, capacity: capacity)
  }

  private static func create(
    _ path: String, size: Int, channels: Int, capacity: Int
  ) throws -> (HDF5OutputFile, HDF5Rows) {
    let file = try HDF5OutputFile(path)
    try file.makeGroup("/images")
    try file.makeGroup("/samples")
    let shape = channels == 1 ? [size, size] : [size, size, 3]
    return (file, try file.makeRows(ShardFormat.pixels, rowShape: shape, capacity: capacity))
  }

  func append(_ image: ShardImage, pixels: ImagePixels, samples: [ShardWriter.NumberedSample]) throws {
    try rows.append(pixels.values)
    self.samples += samples.map { (row: Int32(images.count), sample: $0) }
    images.append(image)
  }

  /// Starts the shard anew with three channels and takes over the rows written so far.
  func turnIntoColour(capacity: Int) throws {
    try rows.finish()
    try file.close()
    let grey = path + ".grey"
    guard rename(path, grey) == 0 else {
      throw CarinaError(.cannotWrite, "cannot be renamed: \(String(cString: strerror(errno)))", at: path)
    }
    defer { unlink(grey) }
    channels = 3
    (file, rows) = try OpenShard.create(path, size: size, channels: 3, capacity: capacity)
    let input = try HDF5InputFile(grey)
    let old = try input.dataset(ShardFormat.pixels)
    var row = [UInt8](repeating: 0, count: size * size)
    for index in 0..<images.count {
      guard try row.withUnsafeMutableBufferPointer({ try old.readRow(index, into: $0.baseAddress!) }) else {
        throw CarinaError(.internalFailure, "a row that was just written cannot be read back", at: grey)
      }
      try rows.append(ImagePixels(values: row, size: size, channels: 1).expanded().values)
    }
  }
}
