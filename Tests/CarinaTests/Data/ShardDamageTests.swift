import Carina
import Foundation
import TestSupport
import Testing

/// A shard directory whose first shard is changed, the manifest with it where that is asked for.
private struct DamagedShards {
  let directory: TemporaryDirectory
  let path: String
  let bytes: Data
  private let manifest: JSONValue

  var shard: String { path + "/shard-00000.h5" }

  /// - Parameter version: of the format.
  init(version: Int) throws {
    directory = try TemporaryDirectory()
    path = directory.file("shards")
    let archive = try OldShards()
    try FileManager.default.copyItem(
      atPath: version == 1 ? archive.directory : try archive.preprocessed(in: directory, several: version == 3),
      toPath: path)
    bytes = try Data(contentsOf: URL(fileURLWithPath: path + "/shard-00000.h5"))
    manifest = try JSONValue.parseFile(path + "/manifest.json")
  }

  func write(_ changed: Data, matching: Bool) throws {
    try changed.write(to: URL(fileURLWithPath: shard))
    var document = manifest.object ?? JSONObject()
    if matching, var list = document["shards"]?.array, var first = list[0].object {
      first["sha256"] = .string(SHA256Digest.of(changed))
      first["bytes"] = .integer(changed.count)
      list[0] = .object(first)
      document["shards"] = .array(list)
    }
    try AtomicFile.write(try JSONValue.object(document).serialized(), to: path + "/manifest.json")
  }

  /// Everything that a reader can get.
  static func contents(_ shards: ShardDirectory) throws -> [String] {
    var contents = (0..<shards.sampleCount).map { "\(shards.sample($0))" }
    for row in 0..<shards.imageCount { contents.append("\(shards.image(row)) \(try shards.pixels(imageRow: row))") }
    return contents
  }
}

/// A shard directory of version 1, as preprocess wrote it before there was version 2, and its records.
private struct OldShards {
  let directory: String
  let records: String
  private let images: String

  init() throws {
    let url = try #require(Bundle.module.url(forResource: "Goldens/data/shards-v1/manifest", withExtension: "json"))
    directory = url.deletingLastPathComponent().path
    let data = (directory as NSString).deletingLastPathComponent
    (records, images) = (data + "/shards-v1-records.json", data + "/images")
  }

  /// What preprocess makes of the records today; the manifest has the name of their file.
  /// - Parameter several: each sample but the first shows the image of the one before it too.
  func preprocessed(in temporary: TemporaryDirectory, several: Bool = false) throws -> String {
    let list = temporary.file("records.json")
    if several {
      let own = try #require(JSONValue.parseFile(records).array)
      let changed = try own.enumerated().map { index, record -> JSONValue in
        var record = try #require(record.object)
        record["patient"] = "one"
        record["image"] = .array((index > 0 ? [index, index - 1] : [0]).compactMap { own[$0]["image"] })
        return .object(record)
      }
      try JSONValue.array(changed).write(to: list)
    } else {
      try FileManager.default.copyItem(atPath: records, toPath: list)
    }
    var options = PreprocessOptions(
      records: list, imageRoots: [images], output: temporary.file("today"), transform: try ImageTransform(size: 12))
    options.shardSize = 4
    _ = try Preprocessor.run(options)
    return options.output
  }
}

@Suite struct ShardDamageTests {
  @Test(
    "of 250 damaged shards under matching manifests none is read as something else, and the process lives",
    arguments: [2, 3])
  func mutants(version: Int) throws {
    let shards = try DamagedShards(version: version)
    #expect(try ShardDirectory(shards.path).manifest.version == version)
    let whole = try DamagedShards.contents(try ShardDirectory(shards.path))
    var generator = SeededGenerator(seed: 5, stream: "damaged shards")
    // Superblock, pixels, texts, headers: the holes between them are most of a small file.
    let used = shards.bytes.indices.filter { $0 < 64 || $0 >= 4096 }
    var refused = 0
    for _ in 0..<250 {
      var damaged = shards.bytes
      for _ in 0..<(1 + generator.integer(below: 3)) {
        damaged[used[generator.integer(below: used.count)]] ^= 1 << UInt8(generator.integer(below: 8))
      }
      try shards.write(damaged, matching: true)
      do {
        #expect(try DamagedShards.contents(try ShardDirectory(shards.path)) == whole)
      } catch let error as CarinaError {
        #expect(error.kind == .badData)
        refused += 1
      }
    }
    // What is not refused lies in the padding between datasets.
    #expect(refused > 200)
  }

  @Test(
    "damaged shards of version 1 end in an error before they are opened, under matching manifests in another process")
  func oldMutants() throws {
    let shards = try DamagedShards(version: 1)
    var generator = SeededGenerator(seed: 6, stream: "damaged shards")
    for number in 0..<60 {
      var damaged = shards.bytes
      for _ in 0..<2 { damaged[generator.integer(below: damaged.count)] ^= 1 << UInt8(generator.integer(below: 8)) }
      let isMatching = number % 3 != 0
      try shards.write(damaged, matching: isMatching)
      do {
        _ = try DamagedShards.contents(try ShardDirectory(shards.path))
        #expect(isMatching)
      } catch let error as CarinaError {
        #expect(error.kind == .badData)
      }
    }
  }

  @Test("a shard over which the HDF5 library crashes or goes in a circle is an error that names it")
  func crashingShard() throws {
    let shards = try DamagedShards(version: 1)
    // Bytes of a heap of texts with which HDF5 1.10.8 reads far behind its memory, and an object without a length, over
    // which it never gets.
    let changes: [[Int: UInt8]] = [
      [11_451: 128], [10_392: 0], [10_831: 1], [10_649: 255], [10_384: 0, 10_392: 0],
    ]
    for change in changes {
      var damaged = shards.bytes
      for (offset, value) in change { damaged[offset] = value }
      for isMatching in [false, true] {
        try shards.write(damaged, matching: isMatching)
        let error = #expect(throws: CarinaError.self) { try ShardDirectory(shards.path) }
        #expect(error?.kind == .badData && error?.description.contains("shard") == true)
      }
    }
    #expect(try DamagedShards(version: 1).bytes == shards.bytes)
  }

  @Test("zeroed pixels are found when they are read, with shard, row and what to do")
  func zeroedPixels() throws {
    let shards = try DamagedShards(version: 2)
    let whole = try ShardDirectory(shards.path), pixels = try whole.pixels(imageRow: 2).values
    var damaged = shards.bytes
    let range = try #require(damaged.range(of: Data(pixels)))
    damaged.replaceSubrange(range, with: Data(count: pixels.count))
    for isMatching in [false, true] {
      try shards.write(damaged, matching: isMatching)
      let opened = try ShardDirectory(shards.path)
      #expect(try opened.pixels(imageRow: 1) == whole.pixels(imageRow: 1))
      let error = #expect(throws: CarinaError.self) { try opened.pixels(imageRow: 2) }
      #expect(error?.kind == .badData && error?.location == shards.shard)
      #expect(error?.what.contains("row 2 (image \(whole.image(2).id))") == true)
      #expect(error?.remedy?.contains("preprocess verify") == true)
      let verified = #expect(throws: CarinaError.self) { try ShardDirectory.verified(shards.path) }
      #expect(verified?.description.contains("shard-00000.h5") == true)
    }
    let old = try DamagedShards(version: 1)
    damaged = old.bytes
    damaged.replaceSubrange(try #require(damaged.range(of: Data(pixels))), with: Data(count: pixels.count))
    try old.write(damaged, matching: false)
    let error = #expect(throws: CarinaError.self) { try ShardDirectory(old.path) }
    #expect(error?.kind == .badData && error?.description.contains("shard-00000.h5") == true)
  }

  @Test("a changed checksum of the pixels, of the texts or of the offsets is an error")
  func damagedChecksums() throws {
    let shards = try DamagedShards(version: 2)
    let pixels = try ShardDirectory(shards.path).pixels(imageRow: 0).values
    let sum = pixels.withUnsafeBytes { CRC32.of($0) }
    var damaged = shards.bytes
    let range = try #require(damaged.range(of: withUnsafeBytes(of: sum.littleEndian) { Data($0) }))
    damaged[range.lowerBound] ^= 1
    try shards.write(damaged, matching: true)
    #expect(throws: CarinaError.self) { try ShardDirectory(shards.path).pixels(imageRow: 0) }
    // A text, and the number that says where it begins.
    let question = Data("Question 1?".utf8)
    damaged = shards.bytes
    damaged[try #require(damaged.range(of: question)).lowerBound] ^= 1
    try shards.write(damaged, matching: true)
    let error = #expect(throws: CarinaError.self) { try ShardDirectory(shards.path) }
    #expect(error?.description.contains("/samples/question/bytes does not have its checksum") == true)
  }

  @Test("numbers and lists of images that cannot be are refused with the file, under matching checksums of all kinds")
  func damagedLists() throws {
    let shards = try DamagedShards(version: 3)
    let opened = try ShardDirectory(shards.path), first = opened.manifest.shards[0]
    func bytes(_ numbers: [Int64]) -> Data { numbers.withUnsafeBytes { Data($0) } }
    let rows = (0..<first.samples).map { opened.sample($0).imageRows.map { Int64($0) } }
    let offsets = rows.reduce(into: [Int64(0)]) { $0.append($0[$0.count - 1] + Int64($1.count)) }
    let numbers = rows.flatMap { $0 }, own = (0..<Int64(first.images)).map { $0 }
    /// Puts numbers in the place of others, with the checksum of the dataset and the one of the header that has it.
    func replace(_ old: [Int64], _ change: (inout [Int64]) -> Void) throws -> Data {
      var (new, damaged) = (old, shards.bytes)
      change(&new)
      damaged.replaceSubrange(try #require(damaged.range(of: bytes(old), options: .backwards)), with: bytes(new))
      func sum(_ numbers: [Int64]) -> Data {
        withUnsafeBytes(of: bytes(numbers).withUnsafeBytes { CRC32.of($0) }.littleEndian) { Data($0) }
      }
      let attribute = try #require(damaged.range(of: sum(old), options: .backwards))
      damaged.replaceSubrange(attribute, with: sum(new))
      let header = try #require(
        damaged.range(of: Data("OHDR".utf8), options: .backwards, in: damaged.startIndex..<attribute.lowerBound))
      let count = (0..<4).reduce(0) { $0 | Int(damaged[header.lowerBound + 6 + $1]) << (8 * $1) }
      let end = header.lowerBound + 10 + count
      let lookup = HDF5Checksum.of(Array(damaged[header.lowerBound..<end]))
      damaged.replaceSubrange(end..<end + 4, with: withUnsafeBytes(of: lookup.littleEndian) { Data($0) })
      return damaged
    }
    // What is not changed is whole again.
    #expect(try replace(numbers) { _ in } == shards.bytes)
    let last = offsets.count - 1
    let changes: [(String, Data, String)] = [
      ("a number of no image", try replace(numbers) { $0[1] = 1 << 40 }, "is in no shard"),
      ("a number below 0", try replace(numbers) { $0[1] = -1 }, "is in no shard"),
      ("images out of order", try replace(own) { $0.swapAt(1, 2) }, "does not go up"),
      ("an image below 0", try replace(own) { $0[0] = -5 }, "does not go up"),
      ("images of the next shard", try replace(own) { for i in $0.indices { $0[i] += 3 } }, "shard before"),
      ("an empty list", try replace(offsets) { $0[2] = $0[1] }, "do not go up"),
      ("a list that goes back", try replace(offsets) { $0[2] = 0 }, "do not go up"),
      (
        "a list of nine",
        try replace(offsets) {
          $0[1] = 0; $0[last] = 1 << 62
        }, "do not go up"
      ),
      ("an offset beyond all numbers", try replace(offsets) { $0[last - 1] = .max }, "do not go up"),
      ("a first offset that is not 0", try replace(offsets) { $0[0] = .min }, "do not go up"),
    ]
    for (name, damaged, words) in changes {
      try shards.write(damaged, matching: true)
      let error = #expect(throws: CarinaError.self, "\(name)") { try ShardDirectory(shards.path) }
      #expect(error?.kind == .badData && error?.what.contains(words) == true, "\(name): \(String(describing: error))")
      #expect(error?.location?.contains("shard-0000") == true, "\(name)")
    }
  }

  @Test("a shard that is cut while it is open is an error for who reads it, not the end of the process")
  func cutWhileOpen() throws {
    let shards = try DamagedShards(version: 2)
    let opened = try ShardDirectory(shards.path)
    #expect(truncate(shards.shard, 10) == 0)
    let error = #expect(throws: CarinaError.self) { try opened.pixels(imageRow: 3) }
    #expect(error?.kind == .badData && error?.description.contains("shorter") == true)
    // The other shard is as it was.
    _ = try opened.pixels(imageRow: opened.imageCount - 1)
  }

  @Test("a manifest that does not agree with itself or its shards is refused, whatever its numbers")
  func manifests() throws {
    let shards = try DamagedShards(version: 2)
    let text = try String(contentsOfFile: shards.path + "/manifest.json", encoding: .utf8)
    for (old, new) in [
      ("\"images\": 8", "\"images\": 9"), ("\"samples\": 16", "\"samples\": 9223372036854775807"),
      ("\"images\": 4", "\"images\": 9223372036854775807"), ("\"samples\": 8", "\"samples\": 4611686018427387904"),
      ("\"file\": \"shard-00000.h5\"", "\"file\": \"../shard-00000.h5\""),
      ("\"bytes\": \(shards.bytes.count)", "\"bytes\": \(shards.bytes.count + 1)"),
      ("\"version\": 2", "\"version\": 1"),
    ] {
      #expect(text.contains(old), "\(old)")
      let range = try #require(text.range(of: old))
      try AtomicFile.write(text.replacingCharacters(in: range, with: new), to: shards.path + "/manifest.json")
      let error = #expect(throws: CarinaError.self) { try ShardDirectory(shards.path) }
      #expect(error?.kind == .badData, "\(new)")
    }
    try AtomicFile.write(text, to: shards.path + "/manifest.json")
    // Nobody waits for the writer of a pipe.
    unlink(shards.shard)
    #expect(mkfifo(shards.shard, 0o600) == 0)
    #expect(#expect(throws: CarinaError.self) { try ShardDirectory(shards.path) }?.kind == .badData)
  }

  @Test("upgrading a directory of version 1 gives the bytes that preprocess writes for its records")
  func upgrade() throws {
    let old = try DamagedShards(version: 1), archive = try OldShards()
    let temporary = try TemporaryDirectory()
    let today = try SmallArchive.contents(try archive.preprocessed(in: temporary))
    let before = try DamagedShards.contents(try ShardDirectory(old.path))
    #expect(try ShardUpgrade.run(old.path) == .upgraded(from: 1))
    #expect(try SmallArchive.contents(old.path) == today)
    #expect(try DamagedShards.contents(try ShardDirectory.verified(old.path)) == before)
    #expect(try ShardUpgrade.run(old.path) == .current)
    #expect(try FileManager.default.contentsOfDirectory(atPath: old.directory.path) == ["shards"])
    // A link stays one, and `.` is the directory itself.
    for ending in ["", "/.", "//"] {
      let other = try DamagedShards(version: 1)
      let link = other.directory.file("link")
      try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "shards")
      #expect(try ShardUpgrade.run(link + ending) == .upgraded(from: 1), "\(ending)")
      #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == "shards")
      #expect(try SmallArchive.contents(other.path) == today)
      #expect(Set(try FileManager.default.contentsOfDirectory(atPath: other.directory.path)) == ["link", "shards"])
    }
    for path in ["o", ".", "/"] {
      #expect(#expect(throws: CarinaError.self) { try ShardUpgrade.run(path) }?.kind == .missingInput, "\(path)")
    }
    // One that is damaged stays as it is.
    let damaged = try DamagedShards(version: 1)
    var bytes = damaged.bytes
    bytes[bytes.count / 2] ^= 1
    try damaged.write(bytes, matching: false)
    #expect(throws: CarinaError.self) { try ShardUpgrade.run(damaged.path) }
    #expect(try Data(contentsOf: URL(fileURLWithPath: damaged.shard)) == bytes)
  }
}
