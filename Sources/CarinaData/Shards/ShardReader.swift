import CarinaRuntime
import Foundation

/// One shard, open for reading: its texts in memory, its pixels read from the file when asked for.
final class ShardReader: Sendable {
  let images: [TextColumn]
  let samples: [TextColumn]
  let sampleImages: SampleImages
  let channels: Int
  let imageCount: Int
  let transformID: String

  private let size: Int
  let file: HDF5InputFile
  private let rows: HDF5Rows
  /// CRC-32 of each row's pixels; nil in version 1, where the file's digest stands for all of it.
  private let sums: [UInt32]?

  /// - Throws: `CarinaError.badData` for anything but a whole shard whose parts agree.
  init(_ file: HDF5InputFile, version: Int, size: Int) throws {
    (self.file, self.size) = (file, size)
    let found = try file.integerAttribute("format_version")
    guard found == version else {
      throw file.bad("has another format version than the manifest", expected: "\(version)", found: "\(found)")
    }
    transformID = try file.textAttribute("transform_id")
    let pixels = try file.dataset(ShardFormat.pixels)
    let shape = Array(pixels.extent.dropFirst())
    guard pixels.isInteger(byteCount: 1, isSigned: false), shape == [size, size] || shape == [size, size, 3] else {
      throw file.bad(
        "\(ShardFormat.pixels) has another shape or type",
        expected: "bytes [N, \(size), \(size)] or [N, \(size), \(size), 3]",
        found: "\(pixels.extent)")
    }
    channels = shape.count == 2 ? 1 : 3
    imageCount = pixels.extent[0]
    if version == ShardFormat.oldestVersion {
      images = try ShardFormat.imageTexts.map(file.texts)
      samples = try ShardFormat.sampleTexts.map(file.texts)
      sampleImages = try SampleImages(
        rows: try file.integers(ShardFormat.sampleImage), imageCount: imageCount, file)
      sums = nil
    } else {
      images = try ShardFormat.imageTexts.map { try TextColumn(file, $0) }
      samples = try ShardFormat.sampleTexts.map { try TextColumn(file, $0) }
      sampleImages =
        version == ShardFormat.severalVersion
        ? try SampleImages(file)
        : try SampleImages(
          rows: try file.checkedIntegers(ShardFormat.sampleImage), imageCount: imageCount, file)
      sums = try file.checkedIntegers(ShardFormat.pixelSums)
    }
    let counts = (images: imageCount, samples: sampleImages.count)
    guard images.allSatisfy({ $0.count == counts.images }), samples.allSatisfy({ $0.count == counts.samples }),
      sums?.count ?? counts.images == counts.images,
      sampleImages.ofImages?.count ?? counts.images == counts.images
    else { throw file.bad("its datasets have different lengths") }
    rows = try HDF5Rows(pixels)
  }

  /// The pixels of a row; safe from several threads at once.
  /// - Throws: `CarinaError.badData` when they cannot be read or are not those that were written.
  func pixels(row: Int) throws -> ImagePixels {
    let count = size * size * channels
    let values = try [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      guard let start = buffer.baseAddress else { return }
      let sum = try rows.read(row: row, into: start)
      if let sums, sums[row] != sum {
        throw CarinaError(
          .badData, "the pixels in row \(row) (image \(images[0][row])) are not those that were written", at: file.path,
          expected: "CRC-32 \(sums[row])", found: "\(sum)",
          remedy:
            "The file was damaged: preprocess verify finds all shards that are; copy it again or run preprocess again.")
      }
      initialized = count
    }
    return ImagePixels(values: values, size: size, channels: channels)
  }
}
