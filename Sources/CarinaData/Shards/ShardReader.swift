import Foundation

/// One shard, open for reading: its texts in memory, its pixels read from the file when asked for.
final class ShardReader: Sendable {
  let images: [TextColumn]
  let samples: [TextColumn]
  let sampleImages: [Int32]
  let channels: Int
  let imageCount: Int
  let transformID: String

  private let size: Int
  private let path: String
  private let file: HDF5InputFile
  private let pixels: HDF5Dataset
  private let addresses: [UInt64]?
  private let descriptor: Int32

  /// - Throws: `CarinaError.badData` for anything but a whole shard whose parts agree, `.missingInput`.
  init(_ path: String, size: Int) throws {
    self.path = path
    self.size = size
    file = try HDF5InputFile(path)
    let version = try file.integerAttribute("format_version")
    guard version == ShardFormat.version else {
      throw file.bad("has another format version", expected: "\(ShardFormat.version)", found: "\(version)")
    }
    transformID = try file.textAttribute("transform_id")
    pixels = try file.dataset(ShardFormat.pixels)
    let shape = Array(pixels.extent.dropFirst())
    guard pixels.isByte, shape == [size, size] || shape == [size, size, 3] else {
      throw file.bad(
        "\(ShardFormat.pixels) has another shape or type",
        expected: "bytes [N, \(size), \(size)] or [N, \(size), \(size), 3]",
        found: "\(pixels.extent)")
    }
    channels = shape.count == 2 ? 1 : 3
    imageCount = pixels.extent[0]
    images = try ShardFormat.imageTexts.map(file.texts)
    samples = try ShardFormat.sampleTexts.map(file.texts)
    sampleImages = try file.integers(ShardFormat.sampleImage)
    let counts = (images: imageCount, samples: sampleImages.count)
    guard images.allSatisfy({ $0.count == counts.images }), samples.allSatisfy({ $0.count == counts.samples }) else {
      throw file.bad("its datasets have different lengths")
    }
    guard sampleImages.allSatisfy({ (0..<counts.images).contains(Int($0)) }) else {
      throw file.bad("a sample names an image row that is not there")
    }
    addresses = try pixels.rowAddresses()
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw file.bad("cannot be opened: \(String(cString: strerror(errno)))") }
    var status = stat()
    let rowBytes = UInt64(size * size * channels)
    guard fstat(descriptor, &status) == 0,
      addresses?.allSatisfy({ $0 <= UInt64(status.st_size) && rowBytes <= UInt64(status.st_size) - $0 }) ?? true
    else {
      close(descriptor)
      throw file.bad("is shorter than its pixels")
    }
  }

  deinit { close(descriptor) }

  /// The pixels of a row; safe from several threads at once.
  /// - Throws: `CarinaError.badData` when they cannot be read.
  func pixels(row: Int) throws -> ImagePixels {
    let count = size * size * channels
    let values = try [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      guard let start = buffer.baseAddress else { return }
      if let addresses {
        var done = 0
        while done < count {
          let got = pread(descriptor, start + done, count - done, off_t(addresses[row]) + off_t(done))
          if got < 0 && errno == EINTR { continue }
          guard got > 0 else { throw file.bad("the pixels of row \(row) cannot be read") }
          done += got
        }
      } else {
        guard try pixels.readRow(row, into: start) else { throw file.bad("the pixels of row \(row) cannot be read") }
      }
      initialized = count
    }
    return ImagePixels(values: values, size: size, channels: channels)
  }
}
