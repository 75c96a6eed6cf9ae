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
    imageStarts = RunStarts(readers.map(\.imageCount))
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
    let texts = readers[shard].samples
    return ShardSample(
      id: texts[0][row], imageRow: imageStarts[shard] + Int(readers[shard].sampleImages[row]), question: texts[1][row],
      answer: texts[2][row], answerType: texts[3][row], questionType: texts[4][row])
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
