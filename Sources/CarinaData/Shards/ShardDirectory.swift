import CarinaRuntime
import Foundation

/// A shard directory, open for reading: images and samples by number, in the order of the shards.
///
/// Texts are held in memory, pixels are read when asked for. The HDF5 library is not used in this process: another one
/// says where in the files everything lies (`HDF5Survey`). Safe to use from several threads.
public final class ShardDirectory: Sendable {
  /// Where it is.
  public let path: String
  /// What it says of itself.
  public let manifest: ShardManifest
  private let readers: [ShardReader]
  private let imageStarts: RunStarts, sampleStarts: RunStarts
  /// Rows within the directory of the images of each shard's samples, laid out as the shard's numbers are; empty where
  /// each sample has a row of its shard.
  private let sampleRows: [[Int32]]

  /// Opens every shard and checks its structure, its texts, counts and transform; pixels are checked as they are read.
  /// Shards of version 1 have no checksums inside, so that all of their bytes are compared with the manifest first.
  /// - Throws: `CarinaError.missingInput` when the directory, its manifest or a shard is not there, `.badData` when
  ///   a part is damaged or the parts do not agree.
  public convenience init(_ path: String) throws {
    let manifest = try ShardManifest.read(path)
    if manifest.version == ShardFormat.oldestVersion { try manifest.requireDigests(path) }
    try self.init(path, manifest)
  }

  /// Opens the shards of a manifest.
  init(_ path: String, _ manifest: ShardManifest) throws {
    (self.path, self.manifest) = (path, manifest)
    let (version, size, id) = (manifest.version, manifest.transform.size, manifest.transform.id)
    let files = try HDF5InputFile.open(
      manifest.shards.map { path + "/" + $0.file }, ShardFormat.request(version: version))
    readers = try zip(manifest.shards, files).map { shard, file in
      func disagree(_ what: String, _ expected: String, _ found: String) -> CarinaError {
        CarinaError(
          .badData, "\(what) differs from the manifest", at: file.path, expected: expected, found: found,
          remedy: "It is damaged, or the directory mixes files of different runs; run preprocess again.")
      }
      guard file.byteCount == shard.bytes else {
        throw disagree("the size of the file", "\(shard.bytes) bytes", "\(file.byteCount) bytes")
      }
      let reader = try ShardReader(file, version: version, size: size)
      guard reader.imageCount == shard.images, reader.sampleImages.count == shard.samples else {
        throw disagree(
          "the count of rows", "\(shard.images) images, \(shard.samples) samples",
          "\(reader.imageCount) images, \(reader.sampleImages.count) samples")
      }
      guard reader.channels == shard.channels else {
        throw disagree("the count of channels", "\(shard.channels)", "\(reader.channels)")
      }
      guard reader.transformID == id else { throw disagree("the image transform", id, reader.transformID) }
      return reader
    }
    let imageStarts = RunStarts(readers.map(\.imageCount))
    self.imageStarts = imageStarts
    guard imageStarts.count <= Int32.max else {
      throw CarinaError(.badData, "holds more images than can be numbered", at: path, found: "\(imageStarts.count)")
    }
    sampleRows = try ShardDirectory.rows(readers, imageCount: imageStarts.count)
    sampleStarts = RunStarts(readers.map(\.sampleImages.count))
  }

  /// Images in all.
  public var imageCount: Int { imageStarts.count }
  /// Samples in all.
  public var sampleCount: Int { sampleStarts.count }

  /// How the pixels were made.
  public var transform: ImageTransform { manifest.transform }

  /// A sample.
  /// - Precondition: `index` is in 0..<`sampleCount`.
  public func sample(_ index: Int) -> ShardSample {
    let (shard, row) = sampleStarts.locate(index)
    let (texts, images) = (readers[shard].samples, readers[shard].sampleImages)
    let rows =
      images.offsets.map { sampleRows[shard][Int($0[row])..<Int($0[row + 1])].map { Int($0) } }
      ?? [imageStarts[shard] + Int(images.rows[row])]
    return ShardSample(
      id: texts[0][row], imageRows: rows, question: texts[1][row],
      answer: texts[2][row], answerType: texts[3][row], questionType: texts[4][row])
  }

  /// How many images a sample shows at most.
  package var mostImagesOfSample: Int { readers.lazy.map(\.sampleImages.most).max() ?? 1 }

  /// Finds the images of samples by their numbers, which go up through the shards.
  private static func rows(_ readers: [ShardReader], imageCount: Int) throws -> [[Int32]] {
    guard readers.contains(where: { $0.sampleImages.ofImages != nil }) else { return readers.map { _ in [] } }
    var all: [Int64] = []
    all.reserveCapacity(imageCount)
    for reader in readers {
      let own = reader.sampleImages.ofImages ?? []
      if let first = own.first, let last = all.last, first <= last {
        throw reader.file.bad(
          "its images do not follow those of the shard before", expected: "numbers above \(last)", found: "\(first)")
      }
      all += own
    }
    return try readers.map { reader in
      try reader.sampleImages.numbers.map { number in
        var (low, high) = (0, all.count)
        while low < high {
          let middle = (low + high) / 2
          if all[middle] < number { low = middle + 1 } else { high = middle }
        }
        guard low < all.count, all[low] == number else {
          throw reader.file.bad("a sample names the image \(number), which is in no shard")
        }
        return Int32(low)
      }
    }
  }

  /// An image's names.
  /// - Precondition: `row` is in 0..<`imageCount`.
  public func image(_ row: Int) -> ShardImage {
    let (shard, row) = imageStarts.locate(row)
    let texts = readers[shard].images
    return ShardImage(id: texts[0][row], patient: texts[1][row], study: texts[2][row], view: texts[3][row])
  }

  /// An image's pixels.
  /// - Precondition: `imageRow` is in 0..<`imageCount`.
  /// - Throws: `CarinaError.badData` when they cannot be read or are not those that were written.
  public func pixels(imageRow: Int) throws -> ImagePixels {
    let (shard, row) = imageStarts.locate(imageRow)
    return try readers[shard].pixels(row: row)
  }

  /// Which shard of the manifest an image is in, and its row there.
  package func location(ofImage row: Int) -> (shard: Int, row: Int) {
    let (shard, row) = imageStarts.locate(row)
    return (shard, row)
  }

  /// All patients that are named.
  public var patients: Set<ExactText> {
    var names = Set<ExactText>()
    for reader in readers {
      for row in 0..<reader.imageCount { names.insert(ExactText(reader.images[1][row])) }
    }
    names.remove("")
    return names
  }
}
