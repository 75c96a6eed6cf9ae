import Foundation

/// Records on the disk instead of in memory: appended once, read by number from any thread. In memory are 8 bytes a record.
///
/// The file has no name, so nothing is left of it when the process ends, however it ends.
final class SpilledRecords: @unchecked Sendable {
  private static let fields: [WritableKeyPath<SampleRecord, String>] = [
    \.image, \.question, \.answer, \.id, \.patient, \.study, \.view, \.split, \.answerType, \.questionType,
  ]

  private let descriptor: Int32
  private let path: String
  private var ends: [UInt64] = []
  private var pending: [UInt8] = []
  private var written: UInt64 = 0

  /// - Parameter path: a name that nothing has, on a disk with room; it is free again at once.
  /// - Throws: `CarinaError.cannotWrite`.
  init(besideName path: String) throws {
    self.path = path
    try AtomicFile.makeDirectory((path as NSString).deletingLastPathComponent)
    descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw SpilledRecords.failure(path) }
    unlink(path)
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// How many records there are.
  var count: Int { ends.count }

  /// Adds a record; not while others read.
  /// - Throws: `CarinaError.cannotWrite`.
  func append(_ record: SampleRecord) throws {
    for field in SpilledRecords.fields {
      var text = record[keyPath: field]
      text.withUTF8 { bytes in
        withUnsafeBytes(of: UInt32(bytes.count)) { pending.append(contentsOf: $0) }
        pending.append(contentsOf: bytes)
      }
    }
    ends.append(written + UInt64(pending.count))
    if pending.count >= 1 << 20 { try flush() }
  }

  /// Brings everything to the file; to be called before the first reading.
  /// - Throws: `CarinaError.cannotWrite`.
  func flush() throws {
    var done = 0
    while done < pending.count {
      let count = pending.withUnsafeBytes { write(descriptor, $0.baseAddress! + done, $0.count - done) }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw SpilledRecords.failure(path) }
      done += count
    }
    written += UInt64(done)
    pending.removeAll(keepingCapacity: true)
  }

  /// A record.
  /// - Precondition: `number` is in 0..<`count`, and `flush` came after the last `append`.
  /// - Throws: `CarinaError.badData` when the file cannot be read.
  func record(_ number: Int) throws -> SampleRecord {
    let start = number == 0 ? 0 : ends[number - 1]
    return try decode(read(start..<ends[number]), from: 0).record
  }

  /// Calls `body` with every record in order.
  /// - Throws: what `body` throws, and as `record`.
  func forEach(_ body: (SampleRecord, _ number: Int) throws -> Void) throws {
    var number = 0
    while number < count {
      let start = number == 0 ? 0 : ends[number - 1]
      var last = number
      while last + 1 < count, ends[last + 1] - start <= 1 << 20 { last += 1 }
      let bytes = try read(start..<ends[last])
      var place = 0
      for current in number...last {
        let (record, end) = try decode(bytes, from: place)
        place = end
        try body(record, current)
      }
      number = last + 1
    }
  }

  private func read(_ range: Range<UInt64>) throws -> [UInt8] {
    let count = Int(range.upperBound - range.lowerBound)
    return try [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      var done = 0
      while done < count, let start = buffer.baseAddress {
        let got = pread(descriptor, start + done, count - done, off_t(range.lowerBound) + off_t(done))
        if got < 0 && errno == EINTR { continue }
        guard got > 0 else {
          throw CarinaError(.badData, "records that were just written cannot be read back", at: path)
        }
        done += got
      }
      initialized = done
    }
  }

  private func decode(_ bytes: [UInt8], from start: Int) throws -> (record: SampleRecord, end: Int) {
    var record = SampleRecord(image: "", question: "", answer: "", id: "")
    var place = start
    let broken = CarinaError(.internalFailure, "a record was not read back as it was written", at: path)
    try bytes.withUnsafeBytes { bytes in
      for field in SpilledRecords.fields {
        guard place + 4 <= bytes.count else { throw broken }
        let length = Int(bytes.loadUnaligned(fromByteOffset: place, as: UInt32.self))
        guard place + 4 + length <= bytes.count else { throw broken }
        record[keyPath: field] = String(decoding: bytes[(place + 4)..<(place + 4 + length)], as: UTF8.self)
        place += 4 + length
      }
    }
    return (record, place)
  }

  private static func failure(_ path: String) -> CarinaError {
    CarinaError(
      .cannotWrite, "the list of records cannot be written: \(String(cString: strerror(errno)))", at: path,
      remedy: "Check the free space and the permissions of the output's directory.")
  }
}

/// A 64-bit hash of a name, equal in every process: FNV-1a (Fowler, Noll, Vo) with a last mixing.
struct NameHash: Hashable {
  private let value: UInt64

  init(_ name: String) {
    var (name, hash) = (name, UInt64(0xcbf2_9ce4_8422_2325))
    name.withUTF8 { for byte in $0 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 } }
    value = (hash ^ (hash >> 32)) &* 0x9e37_79b9_7f4a_7c15
  }
}
