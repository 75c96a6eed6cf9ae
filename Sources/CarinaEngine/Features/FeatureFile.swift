import CarinaData
import CarinaRuntime
import Foundation

/// The file of kept vision features: HDF5 whose datasets are all there, as holes, when it is made, and are filled in
/// place.
///
/// Filling touches no structure of HDF5, so a file that a run left in the middle of a write is still a whole HDF5 file;
/// which rows of it hold something their own checksums say. One process writes at a time, others read.
package final class FeatureFile {
  static let format = "carina-vision-features"
  /// What is written. Files of version 1, whose attributes are texts of any length, are read and filled too.
  static let version = 2, oldestVersion = 1

  /// The datasets.
  package enum Table: String, CaseIterable {
    /// SHA-256 of each row's image, of its features, and the features.
    case digests = "/images/digest", checksums = "/images/checksum", features = "/images/features"
    /// Which image stands where in which shard, and the shards.
    case shardRows = "/places/records", shards = "/shards/records"
  }

  /// Rows of the three kinds.
  struct Capacity: Equatable {
    var images: Int, shardRows: Int, shards: Int
  }

  let path: String
  let capacity: Capacity
  /// Whether this process may write.
  let isWritable: Bool
  private let descriptor: Int32
  private let lock: FileLock?
  private let tables: [Table: (start: UInt64, rowByteCount: Int, rowCount: Int)]

  static let recordByteCount = 64

  package static func rowByteCount(_ table: Table, _ identity: FeatureIdentity) -> Int {
    switch table {
    case .digests, .checksums: ContentDigest.byteCount
    case .features: identity.byteCount
    case .shardRows, .shards: recordByteCount
    }
  }

  private static let request = HDF5Request(
    attributes: FeatureIdentity.attributes, datasets: Table.allCases.map { ($0.rawValue, .none) })

  /// Makes an empty file at a path.
  /// - Throws: `CarinaError.cannotWrite`.
  static func create(_ path: String, identity: FeatureIdentity, capacity: Capacity) throws {
    let file = try HDF5OutputFile(path)
    try identity.write(to: file)
    for table in Table.allCases where table != .features {
      let count = capacity.rows(of: table)
      file.makeFixed(table.rawValue, .byte, shape: [count, rowByteCount(table, identity)])
    }
    // Last, so that the file's small parts lie together.
    file.makeFixed(
      Table.features.rawValue, identity.elementType == .bfloat16 ? .word : .float,
      shape: [capacity.images, identity.rowCount, identity.width])
    try file.finish()
  }

  /// Opens a file, to write where no other process does.
  /// - Parameter lock: held already; nil to try.
  /// - Throws: `CarinaError.badData` for a file of something else, of other weights, transform or precision, or a
  ///   damaged one.
  package init(_ path: String, identity: FeatureIdentity, lock: FileLock? = nil) throws {
    self.path = path
    do {
      let input = try HDF5InputFile.open([path], FeatureFile.request)[0]
      try identity.require(input)
      var tables: [Table: (start: UInt64, rowByteCount: Int, rowCount: Int)] = [:]
      for table in Table.allCases {
        let dataset = try input.dataset(table.rawValue), size = FeatureFile.rowByteCount(table, identity)
        guard let run = dataset.run(), let rows = dataset.extent.first, run.count == rows * size,
          table != .features || dataset.extent == [rows, identity.rowCount, identity.width]
        else { throw input.bad("\(table.rawValue) has another shape or layout") }
        tables[table] = (run.lowerBound, size, rows)
      }
      // Whoever fills one must not fill another.
      let runs = tables.values.map { $0.start..<$0.start + UInt64($0.rowByteCount * $0.rowCount) }
        .filter { !$0.isEmpty }.sorted { $0.lowerBound < $1.lowerBound }
      guard zip(runs, runs.dropFirst()).allSatisfy({ $0.upperBound <= $1.lowerBound }) else {
        throw input.bad("its datasets lie over each other")
      }
      self.tables = tables
    } catch let error as CarinaError where error.remedy?.contains("preprocess") ?? false {
      throw CarinaError(
        .badData, "is no whole file of vision features: \(error.what)", at: path, expected: error.expected,
        found: error.found,
        remedy: "Remove it: it is made again; or name another with \(setting: .visionFeatureCache) PATH.")
    }
    capacity = Capacity(
      images: tables[.digests]?.rowCount ?? 0, shardRows: tables[.shardRows]?.rowCount ?? 0,
      shards: tables[.shards]?.rowCount ?? 0)
    // Without the right to write, or beside another writer, it is read.
    self.lock = lock ?? (try? FileLock(path))
    let writing = self.lock == nil ? -1 : open(path, O_RDWR | O_CLOEXEC)
    isWritable = writing >= 0
    descriptor = isWritable ? writing : open(path, O_RDONLY | O_CLOEXEC)
    var status = stat()
    guard descriptor >= 0, fstat(descriptor, &status) == 0 else {
      throw CarinaError(.badData, "cannot be opened: \(String(cString: strerror(errno)))", at: path)
    }
    guard tables[.checksums]?.rowCount == capacity.images, tables[.features]?.rowCount == capacity.images,
      tables.values.allSatisfy({ $0.start + UInt64($0.rowByteCount * $0.rowCount) <= UInt64(status.st_size) })
    else {
      throw CarinaError(
        .badData, "is shorter than its contents", at: path,
        remedy: "Remove it: it is made again; or name another with \(setting: .visionFeatureCache) PATH.")
    }
  }

  // Runs as well where opening threw after the last property was set.
  deinit { if descriptor >= 0 { close(descriptor) } }

  /// Whether the path still leads to this file: another process may have put a larger one there.
  var isInPlace: Bool {
    var own = stat(), there = stat()
    return fstat(descriptor, &own) == 0 && stat(path, &there) == 0 && own.st_ino == there.st_ino
      && own.st_dev == there.st_dev
  }

  /// Reads rows; safe from several threads.
  /// - Throws: `CarinaError.badData`.
  package func read(_ table: Table, row: Int, count: Int = 1, into buffer: UnsafeMutableRawPointer) throws {
    let (start, size) = range(table, row: row, count: count)
    var done = 0
    while done < size {
      let got = pread(descriptor, buffer + done, size - done, off_t(start) + off_t(done))
      if got < 0 && errno == EINTR { continue }
      guard got > 0 else {
        throw CarinaError(.badData, "the kept vision features cannot be read", at: path)
      }
      done += got
    }
  }

  /// Writes a row in place.
  /// - Throws: `CarinaError.cannotWrite`.
  package func write(_ table: Table, row: Int, _ bytes: UnsafeRawBufferPointer) throws {
    let (start, size) = range(table, row: row, count: 1)
    precondition(bytes.count == size && isWritable)
    guard let base = bytes.baseAddress else { return }
    var done = 0
    while done < size {
      let put = pwrite(descriptor, base + done, size - done, off_t(start) + off_t(done))
      if put < 0 && errno == EINTR { continue }
      guard put > 0 else {
        throw CarinaError(
          .cannotWrite, "vision features cannot be kept: \(String(cString: strerror(errno)))", at: path,
          remedy: "Make room, name another file with \(setting: .visionFeatureCache) PATH, or leave the option out.")
      }
      done += put
    }
  }

  private func range(_ table: Table, row: Int, count: Int) -> (start: UInt64, size: Int) {
    let table = tables[table] ?? (0, 0, 0)
    precondition(row >= 0 && row + count <= table.rowCount, "row \(row) of \(table.rowCount)")
    return (table.start + UInt64(row * table.rowByteCount), count * table.rowByteCount)
  }
}

extension FeatureFile.Capacity {
  func rows(of table: FeatureFile.Table) -> Int {
    switch table {
    case .digests, .checksums, .features: images
    case .shardRows: shardRows
    case .shards: shards
    }
  }
}
