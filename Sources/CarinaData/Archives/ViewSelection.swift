import CarinaRuntime
import Foundation

/// Takes records as a policy of views says, one by one.
struct ViewSelection {
  private struct Entry: BitwiseCopyable {
    let study: NameKey
    let image: NameHash
    let rank: Int
    let record: Int
  }

  private let policy: ViewPolicy
  private let spill: SpillPath
  private var before: DistinctNames, after: DistinctNames
  private var studies: SpilledBuckets<Entry>
  /// Records of which it is not known yet whether they are taken.
  private var waiting: SpilledRecords?
  /// How many records were taken.
  private(set) var count = 0

  /// - Parameter spill: where to spill.
  init(_ policy: ViewPolicy, spill: SpillPath) {
    (self.policy, self.spill) = (policy, spill)
    (before, after) = (DistinctNames(spill), DistinctNames(spill))
    studies = SpilledBuckets(spill)
  }

  /// Hands a record on to `body` at once when it is taken, or keeps it until `finish`.
  /// - Throws: `CarinaError.cannotWrite`, and what `body` throws.
  mutating func add(_ record: SampleRecord, _ body: (SampleRecord) throws -> Void) throws {
    if policy != .all { try before.add(record.image) }
    let view = RadiographView(record.view)
    switch policy {
    case .all: try take(record, body)
    case .frontal: if view.isFrontal { try take(record, body) }
    case .lateral: if view == .lateral { try take(record, body) }
    case .best:
      let records = try waiting ?? SpilledRecords(spill)
      waiting = records
      if !record.study.isEmpty {
        let study = NameKey("\(record.patient)\n\(record.study)")
        try studies.append(
          Entry(study: study, image: NameHash(record.image), rank: view.rawValue, record: records.count),
          to: study.bucket)
      }
      try records.append(record)
    }
  }

  /// Hands on what was kept, once all records have come.
  /// - Returns: how many images were not taken.
  /// - Throws: `CarinaError.cannotWrite` or `.badData`, and what `body` throws.
  mutating func finish(_ body: (SampleRecord) throws -> Void) throws -> Int {
    if let waiting {
      try waiting.flush()
      // A byte for each record that is not taken; nothing is written for the others.
      let dropped = try SpillFile(spill)
      try dropped.set(waiting.count, UInt8(0))
      for bucket in 0..<SpilledBuckets<Entry>.count { try choose(in: bucket, waiting, dropped) }
      var (marks, number) = ([UInt8](), 0)
      try waiting.forEach { spilled in
        if number % 65536 == 0 {
          marks = try dropped.entries(number..<min(waiting.count, number + 65536), of: UInt8.self)
        }
        if marks[number % 65536] == 0 { try take(spilled.record, body) }
        number += 1
      }
    }
    return policy == .all ? 0 : try before.count() - after.count()
  }

  private mutating func take(_ record: SampleRecord, _ body: (SampleRecord) throws -> Void) throws {
    if policy != .all { try after.add(record.image) }
    count += 1
    try body(record)
  }

  /// Of each study the image with the best view stays, of several the one with the least name.
  private func choose(in bucket: Int, _ records: SpilledRecords, _ dropped: SpillFile) throws {
    var best: [NameKey: Entry] = [:]
    try studies.forEach(in: bucket) { entry in
      guard let known = best[entry.study] else {
        best[entry.study] = entry
        return
      }
      let isBetter =
        entry.rank == known.rank && entry.image != known.image
        ? try ExactText(records.record(entry.record).image) < ExactText(records.record(known.record).image)
        : entry.rank < known.rank
      if isBetter { best[entry.study] = entry }
    }
    try studies.forEach(in: bucket) { entry in
      if best[entry.study]?.image != entry.image { try dropped.set(entry.record, UInt8(1)) }
    }
  }
}
