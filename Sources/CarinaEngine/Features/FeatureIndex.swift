import CarinaData
import Foundation

/// What a file of kept features holds, in memory: which image stands in which row, and which image each row of a shard
/// has.
struct FeatureIndex {
  /// Rows by image, and rows that nothing holds any more.
  var rows: [ContentDigest: Int] = [:]
  var freeRows: [Int] = []
  /// Rows of images and of shards taken from the start.
  var rowCount = 0, shardRowCount = 0
  /// Images by shard and row.
  var images: [ContentDigest: [Int: ContentDigest]] = [:]
  /// Numbers of shards in the file, and how their files looked when their bytes were last hashed.
  var shardNumbers: [ContentDigest: Int] = [:]
  var looks: [ContentDigest: Look] = [:]
  var shardCount = 0

  /// Size and time of a shard's file: while both stay, so do its bytes.
  struct Look: Equatable {
    let byteCount: Int64, seconds: Int64, nanoseconds: Int64

    init(byteCount: Int64, seconds: Int64, nanoseconds: Int64) {
      (self.byteCount, self.seconds, self.nanoseconds) = (byteCount, seconds, nanoseconds)
    }

    init?(ofFileAt path: String) {
      var status = stat()
      guard stat(path, &status) == 0 else { return nil }
      self.init(
        byteCount: Int64(status.st_size), seconds: Int64(status.st_mtim.tv_sec),
        nanoseconds: Int64(status.st_mtim.tv_nsec))
    }
  }

  /// Reads the tables of a file; what was not written whole is left out.
  init(_ file: FeatureFile) throws {
    let digests = try FeatureIndex.bytes(file, .digests, count: file.capacity.images)
    for row in 0..<file.capacity.images {
      let digest = ContentDigest(digests[row * 32..<row * 32 + 32])
      guard !digest.isZero else { continue }
      freeRows += rowCount..<row
      rows[digest] = row
      rowCount = row + 1
    }
    let size = FeatureFile.recordByteCount
    let shards = try FeatureIndex.bytes(file, .shards, count: file.capacity.shards)
    var names: [ContentDigest] = []
    for number in 0..<file.capacity.shards {
      let record = Array(shards[number * size..<(number + 1) * size])
      guard record.contains(where: { $0 != 0 }) else { break }
      shardCount = number + 1
      let name = ContentDigest(record[0..<32])
      names.append(name)
      guard record == FeatureIndex.shardRecord(name, FeatureIndex.look(record)) else { continue }
      shardNumbers[name] = number
      looks[name] = FeatureIndex.look(record)
    }
    let records = try FeatureIndex.bytes(file, .shardRows, count: file.capacity.shardRows)
    for number in 0..<file.capacity.shardRows {
      let record = Array(records[number * size..<(number + 1) * size])
      guard record.contains(where: { $0 != 0 }) else { break }
      shardRowCount = number + 1
      let (shard, row) = (FeatureIndex.number(record, at: 0), FeatureIndex.number(record, at: 8))
      let image = ContentDigest(record[16..<48])
      guard let shard = Int(exactly: shard), let row = Int(exactly: row), names.indices.contains(shard),
        record == FeatureIndex.shardRowRecord(shard: shard, name: names[shard], row: row, image: image)
      else { continue }
      images[names[shard], default: [:]][row] = image
    }
  }

  /// A shard's record: its digest, size and time, and a check of all that.
  static func shardRecord(_ name: ContentDigest, _ look: Look) -> [UInt8] {
    let plain =
      name.bytes + FeatureIndex.bytes(look.byteCount) + FeatureIndex.bytes(look.seconds)
      + FeatureIndex.bytes(look.nanoseconds)
    return plain + ContentDigest(of: plain).bytes.prefix(8)
  }

  /// A shard row's record: number of the shard, row, image, and a check of all that with the shard's digest.
  static func shardRowRecord(shard: Int, name: ContentDigest, row: Int, image: ContentDigest) -> [UInt8] {
    let plain = FeatureIndex.bytes(Int64(shard)) + FeatureIndex.bytes(Int64(row)) + image.bytes
    return plain + ContentDigest(of: name.bytes + plain).bytes.prefix(16)
  }

  private static func look(_ record: [UInt8]) -> Look {
    Look(
      byteCount: number(record, at: 32), seconds: number(record, at: 40), nanoseconds: number(record, at: 48))
  }

  private static func bytes(_ number: Int64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * Int64($0))) }
  }

  private static func number(_ record: [UInt8], at start: Int) -> Int64 {
    (0..<8).reduce(0) { $0 | Int64(record[start + $1]) << (8 * Int64($1)) }
  }

  private static func bytes(_ file: FeatureFile, _ table: FeatureFile.Table, count: Int) throws -> [UInt8] {
    let size = count * (table == .digests ? ContentDigest.byteCount : FeatureFile.recordByteCount)
    guard size > 0 else { return [] }
    return try [UInt8](unsafeUninitializedCapacity: size) { buffer, initialized in
      guard let base = buffer.baseAddress else { return }
      try file.read(table, row: 0, count: count, into: base)
      initialized = size
    }
  }
}
