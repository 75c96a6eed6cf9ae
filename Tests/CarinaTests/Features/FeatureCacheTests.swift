import Foundation
import TestSupport
import Testing

import Carina

@Suite("Kept vision features") struct FeatureCacheTests {
  private let directory: TemporaryDirectory
  private let shards: ShardDirectory
  private let identity: FeatureIdentity

  init() throws {
    directory = try TemporaryDirectory()
    shards = try FeatureCacheTests.shards(directory.file("shards"), seed: 1, in: directory)
    identity = try FeatureCacheTests.identity()
  }

  private static func identity(weights: Character = "a", type: ElementType = .bfloat16) throws -> FeatureIdentity {
    FeatureIdentity(
      weights: String(repeating: weights, count: 64), encoder: "{}", transform: try ImageTransform(size: 16),
      elementType: type, rowCount: 3, width: 5)
  }

  private static func shards(_ path: String, seed: UInt64, in directory: TemporaryDirectory) throws -> ShardDirectory {
    let archive = directory.file("archive-\(seed)")
    try PhantomArchive.write(
      PhantomArchive.Options(count: 24, seed: seed, imageSize: 16, splits: try PhantomSplits(validation: 0, test: 0)),
      to: archive)
    var options = PreprocessOptions(
      records: archive + "/stage1_train.json", imageRoots: [archive], output: path,
      transform: try ImageTransform(size: 16))
    options.shardSize = 10
    _ = try Preprocessor.run(options)
    return try ShardDirectory(path)
  }

  private var path: String { directory.file("features.h5") }

  private func open(imageCount: Int = 4, _ shards: ShardDirectory? = nil) throws -> FeatureCache {
    let cache = try FeatureCache(path, identity: identity, imageCount: imageCount)
    try cache.register(shards ?? self.shards)
    return cache
  }

  private func features(_ number: Int) -> Tensor {
    Tensor((0..<15).map { Float(number * 16 + $0) }, shape: [3, 5]).converted(to: .bfloat16)
  }

  private func fill(_ cache: FeatureCache, _ range: Range<Int>) throws {
    for row in range {
      let digest = try cache.note(shards.pixels(imageRow: row), asImage: row, in: shards)
      try cache.keep(features(row), of: digest)
    }
  }

  private func kept(_ cache: FeatureCache, _ shards: ShardDirectory? = nil) throws -> [Int] {
    try (0..<24).filter { row in
      guard let found = try cache.features(ofImage: row, in: shards ?? self.shards) else { return false }
      #expect(found.values == features(row).values && found.shape == [3, 5] && found.elementType == .bfloat16)
      return true
    }
  }

  @Test(
    "what is kept is read again, also by a later process, after the file has grown, and from other shards with the same images"
  )
  func keeping() throws {
    var cache: FeatureCache? = try open()
    #expect(try kept(#require(cache)).isEmpty)
    try fill(#require(cache), 0..<24)
    #expect(try kept(#require(cache)).count == 24)
    #expect(try #require(cache).counts == (24, 24))
    cache = nil
    let again = try open()
    #expect(try kept(again).count == 24 && again.isWritable)
    // The same images under another digest of shards: their pixels are read once more, their features are there.
    let archive = directory.file("archive-1")
    let other = directory.file("other")
    var options = PreprocessOptions(
      records: archive + "/stage2_train.json", imageRoots: [archive], output: other,
      transform: try ImageTransform(size: 16))
    options.shardSize = 7
    _ = try Preprocessor.run(options)
    let others = try ShardDirectory(other)
    try again.register(others)
    #expect(try again.features(ofImage: 3, in: others) == nil)
    let digest = try again.note(others.pixels(imageRow: 3), asImage: 3, in: others)
    let found = try #require(try again.features(of: digest))
    let row = try #require((0..<24).first { shards.image($0).id == others.image(3).id })
    #expect(found.values == features(row).values)
    #expect(try again.features(ofImage: 3, in: others) != nil)
  }

  @Test("rows whose features, checksum, digest or index are torn are taken for absent, and can be kept again")
  func torn() throws {
    for (table, row) in [
      (FeatureFile.Table.features, 2), (.checksums, 4), (.digests, 6), (.shardRows, 8),
    ] {
      try? FileManager.default.removeItem(atPath: path)
      try fill(try open(), 0..<10)
      do {
        let file = try FeatureFile(path, identity: identity)
        var bytes = [UInt8](repeating: 0, count: FeatureFile.rowByteCount(table, identity))
        try bytes.withUnsafeMutableBytes { try file.read(table, row: row, into: #require($0.baseAddress)) }
        bytes[bytes.count / 2] ^= 16
        try bytes.withUnsafeBytes { try file.write(table, row: row, $0) }
      }
      let cache = try open()
      #expect(try kept(cache) == (0..<10).filter { $0 != row }, "\(table)")
      try fill(cache, 0..<12)
      #expect(try kept(cache) == Array(0..<12), "\(table)")
    }
  }

  @Test("a second user of the file reads and adds nothing; other weights and precisions are refused")
  func sharing() throws {
    let writer = try open()
    try fill(writer, 0..<5)
    let reader = try open()
    #expect(writer.isWritable && !reader.isWritable)
    #expect(try kept(reader) == Array(0..<5))
    try fill(reader, 5..<7)
    #expect(try kept(reader) == Array(0..<5))
    try fill(writer, 5..<24)
    #expect(try kept(reader) == Array(0..<5))
    #expect(try kept(writer).count == 24)
    for other in [try Self.identity(weights: "b"), try Self.identity(type: .float32)] {
      let error = #expect(throws: CarinaError.self) { try FeatureCache(path, identity: other, imageCount: 1) }
      #expect(error?.kind == .badData && error?.location == path)
    }
  }

  @Test("anything else under the file's name is refused and left as it is")
  func foreign() throws {
    try fill(try open(), 0..<3)
    let whole = try Data(contentsOf: URL(fileURLWithPath: path))
    let shard = try Data(contentsOf: URL(fileURLWithPath: shards.path + "/shard-00000.h5"))
    for bytes in [Data(), Data("no HDF5".utf8), whole.prefix(whole.count / 2), whole.prefix(900), shard] {
      try bytes.write(to: URL(fileURLWithPath: path))
      let error = #expect(throws: CarinaError.self) { try open() }
      #expect(error?.kind == .badData && error?.remedy?.contains("cache_vision_features") == true, "\(bytes.count)")
      #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == bytes)
    }
  }

  @Test("a file of version 1, whose attributes are texts of any length, is filled, read and grown into one of today")
  func firstVersion() throws {
    let old = try #require(Bundle.module.url(forResource: "Goldens/data/features-v1", withExtension: "h5"))
    try FileManager.default.copyItem(atPath: old.path, toPath: path)
    try fill(try open(), 0..<16)
    #expect(try kept(try open()) == Array(0..<16))
    #expect(FileManager.default.contents(atPath: path)?.count == FileManager.default.contents(atPath: old.path)?.count)
    try fill(try open(), 16..<24)
    #expect(try kept(try open()).count == 24)
  }

  @Test("a directory under that name is an error of usage that names a file, and stays")
  func directoryInPlace() throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    let error = #expect(throws: CarinaError.self) { _ = try open() }
    #expect(error?.kind == .usage && error?.remedy?.contains("features.h5") == true)
    #expect(FileManager.default.fileExists(atPath: path))
  }

  @Test("the file lies beside the shard directory where nobody says where")
  func defaultPlace() {
    #expect(FeatureCache.defaultPath(besideShards: "/a/shards/train/") == "/a/shards/vision-features.h5")
    #expect(FeatureCache.defaultPath(besideShards: "/a/shards/x/../train") == "/a/shards/vision-features.h5")
  }
}
