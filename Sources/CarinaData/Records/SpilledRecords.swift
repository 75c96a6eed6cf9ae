import CarinaRuntime
import Foundation

/// Records on the disk instead of in memory: appended once, read by number from any thread. A second file has
/// the offset at which each one ends, so that nothing of them is in memory.
///
/// Unchecked because one thread appends and flushes before any other is given the records; from then on nothing here
/// changes.
final class SpilledRecords: @unchecked Sendable {
  private static let fields: [WritableKeyPath<SampleRecord, String> & Sendable] = [
    \.image, \.question, \.answer, \.id, \.patient, \.study, \.view, \.split, \.answerType, \.questionType,
  ]

  private struct Entry: BitwiseCopyable {
    let end: Int
    /// As `UniqueNames.suffix` has it.
    var suffix: UInt32
    let split: UInt32
  }

  /// A record as it is spilled.
  struct Spilled {
    let number: Int
    let record: SampleRecord
    /// All its fields, without the suffix of its id.
    let bytes: ArraySlice<UInt8>
  }

  /// Where the records wait, and where what is made of them may.
  let spill: SpillPath
  private let texts: SpillFile
  private let index: SpillFile
  private var splitNumbers: [ExactText: UInt32] = [:]
  /// The names of the splits, in the order of their first records.
  private(set) var splits: [String] = []
  /// How many records there are.
  private(set) var count = 0

  /// - Throws: `CarinaError.cannotWrite`.
  init(_ spill: SpillPath) throws {
    self.spill = spill
    texts = try SpillFile(spill)
    index = try SpillFile(spill)
  }

  /// Adds a record; not while others read.
  /// - Throws: `CarinaError.cannotWrite`.
  func append(_ record: SampleRecord) throws {
    for field in SpilledRecords.fields {
      var text = record[keyPath: field]
      try text.withUTF8 { bytes in
        try texts.append(UInt32(bytes.count))
        try texts.append(UnsafeRawBufferPointer(bytes))
      }
    }
    // Most records have one image, of which the fields above are all.
    if !record.further.isEmpty || !record.refusal.isEmpty {
      for text in record.further.flatMap({ [$0.image, $0.study, $0.view] }) + [record.refusal] {
        var text = text
        try text.withUTF8 { bytes in
          try texts.append(UInt32(bytes.count))
          try texts.append(UnsafeRawBufferPointer(bytes))
        }
      }
    }
    let split = splitNumbers[ExactText(record.split)] ?? UInt32(splits.count)
    if split == splits.count {
      splitNumbers[ExactText(record.split)] = split
      splits.append(record.split)
    }
    try index.append(Entry(end: texts.count, suffix: 0, split: split))
    count += 1
  }

  /// Brings everything to the disk; to be called before the first reading.
  /// - Throws: `CarinaError.cannotWrite`.
  func flush() throws {
    try texts.flush()
    try index.flush()
  }

  /// Gives the id of a record a suffix that makes it unique; after `flush`.
  /// - Throws: `CarinaError.cannotWrite`.
  func setSuffix(_ suffix: Int, of number: Int) throws {
    var entry = try index.entry(number, of: Entry.self)
    entry.suffix = UInt32(suffix)
    try index.set(number, entry)
  }

  /// A record.
  /// - Precondition: `number` is in 0..<`count`, and `flush` came after the last `append`.
  /// - Throws: `CarinaError.badData` when the files cannot be read.
  func record(_ number: Int) throws -> SampleRecord {
    let entries = try index.entries(max(0, number - 1)..<number + 1, of: Entry.self)
    let (start, entry) = (number == 0 ? 0 : entries[0].end, entries[entries.count - 1])
    return try decode(try bytes(start..<entry.end)[...], entry)
  }

  /// Calls `body` with every record whose split is taken, in order.
  /// - Parameter takes: told the number of each record's split, in the order of the records.
  /// - Throws: what `body` throws, and as `record`.
  func forEach(where takes: (UInt32) -> Bool = { _ in true }, _ body: (Spilled) throws -> Void) throws {
    var (first, start) = (0, 0)
    while first < count {
      var entries = try index.entries(first..<min(count, first + 4096), of: Entry.self)
      let kept = entries.firstIndex { $0.end - start > 1 << 18 } ?? entries.count
      entries.removeLast(entries.count - max(1, kept))
      let end = entries[entries.count - 1].end
      let bytes = try bytes(start..<end)
      var offset = start
      for (index, entry) in entries.enumerated() {
        if takes(entry.split) {
          let own = bytes[(offset - start)..<(entry.end - start)]
          try body(Spilled(number: first + index, record: try decode(own, entry), bytes: own))
        }
        offset = entry.end
      }
      (first, start) = (first + entries.count, end)
    }
  }

  private func bytes(_ range: Range<Int>) throws -> [UInt8] {
    try [UInt8](unsafeUninitializedCapacity: range.count) { buffer, initialized in
      let all = UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: buffer[..<range.count]))
      try texts.read(at: range.lowerBound, into: all)
      initialized = range.count
    }
  }

  private func decode(_ bytes: ArraySlice<UInt8>, _ entry: Entry) throws -> SampleRecord {
    var record = SampleRecord(image: "", question: "", answer: "", id: "")
    let broken = CarinaError(.internalFailure, "a record was not read back as it was written", at: spill.path)
    try bytes.withUnsafeBytes { bytes in
      var offset = 0
      func next() throws -> String {
        guard offset + 4 <= bytes.count else { throw broken }
        let length = Int(bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
        guard offset + 4 + length <= bytes.count else { throw broken }
        defer { offset += 4 + length }
        return String(decoding: bytes[(offset + 4)..<(offset + 4 + length)], as: UTF8.self)
      }
      for field in SpilledRecords.fields { record[keyPath: field] = try next() }
      var rest: [String] = []
      while offset < bytes.count { rest.append(try next()) }
      record.refusal = rest.popLast() ?? ""
      guard rest.count.isMultiple(of: 3) else { throw broken }
      record.further = stride(from: 0, to: rest.count, by: 3).map {
        .init(image: rest[$0], study: rest[$0 + 1], view: rest[$0 + 2])
      }
    }
    record.id = UniqueNames.name(record.id, Int(entry.suffix))
    return record
  }
}
