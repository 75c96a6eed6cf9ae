import CarinaRuntime
import Foundation

/// Takes records as a policy of views says, one by one. A record of several images goes by its first one, and is never
/// joined with others.
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
    if policy != .all { for image in record.images { try before.add(image) } }
    let view = RadiographView(record.view)
    switch policy {
    case .all: try take(record, body)
    case .frontal: if view.isFrontal { try take(record, body) }
    case .lateral: if view == .lateral { try take(record, body) }
    case .best, .allInOne:
      let records = try waiting ?? SpilledRecords(spill)
      waiting = records
      if !record.study.isEmpty, record.further.isEmpty {
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
      // A number for each record that is not taken as it is; nothing is written for the others.
      let (marks, lists) = (try SpillFile(spill), try SpillFile(spill))
      try marks.set(waiting.count, 0)
      for bucket in 0..<SpilledBuckets<Entry>.count { try choose(in: bucket, waiting, marks, lists) }
      try lists.flush()
      var (known, number) = ([Int](), 0)
      try waiting.forEach { spilled in
        if number % 65536 == 0 {
          known = try marks.entries(number..<min(waiting.count, number + 65536), of: Int.self)
        }
        let mark = known[number % 65536]
        number += 1
        if mark >= 0 { try take(try ViewSelection.joined(spilled.record, mark, lists, waiting), body) }
      }
    }
    return policy == .all ? 0 : try before.count() - after.count()
  }

  private mutating func take(_ record: SampleRecord, _ body: (SampleRecord) throws -> Void) throws {
    if policy != .all { for image in record.images { try after.add(image) } }
    if record.refusal.isEmpty { count += 1 }
    try body(record)
  }

  /// A record with the other images of its study, which a mark above 0 tells where to find.
  private static func joined(
    _ record: SampleRecord, _ mark: Int, _ lists: SpillFile, _ records: SpilledRecords
  ) throws -> SampleRecord {
    guard mark > 0 else { return record }
    let length = try lists.entry(mark - 1, of: Int.self)
    var record = record
    record.further = try lists.entries(mark..<mark + length, of: Int.self).map { number in
      let other = try records.record(number)
      return .init(image: other.image, study: other.study, view: other.view)
    }
    if record.images.count > ImageMarks.imageLimit {
      record.refusal = "the study has \(record.images.count) images; expected at most \(ImageMarks.imageLimit)"
      record.further = []
    }
    return record
  }

  /// Of each study the image with the best view stays, of several the one with the least name.
  ///
  /// A record that is not taken is marked -1; with all images in one, the records of a study that are taken get the
  /// number, plus 1, at which the list of the study's other images begins: their count, and a record of each.
  private func choose(in bucket: Int, _ records: SpilledRecords, _ marks: SpillFile, _ lists: SpillFile) throws {
    func isBetter(_ entry: Entry, _ known: Entry) throws -> Bool {
      entry.rank == known.rank && entry.image != known.image
        ? try ExactText(records.record(entry.record).image) < ExactText(records.record(known.record).image)
        : entry.rank < known.rank
    }
    var best: [NameKey: Entry] = [:], images: [NameKey: [Entry]] = [:]
    try studies.forEach(in: bucket) { entry in
      if policy == .allInOne, images[entry.study]?.contains(where: { $0.image == entry.image }) != true {
        images[entry.study, default: []].append(entry)
      }
      guard let known = best[entry.study] else {
        best[entry.study] = entry
        return
      }
      if try isBetter(entry, known) { best[entry.study] = entry }
    }
    var starts: [NameKey: Int] = [:]
    try studies.forEach(in: bucket) { entry in
      guard let first = best[entry.study] else { return }
      guard first.image == entry.image else { return try marks.set(entry.record, -1) }
      guard let all = images[entry.study], all.count > 1 else { return }
      if starts[entry.study] == nil {
        let others = try all.filter { $0.image != first.image }.sorted { try isBetter($0, $1) }
        starts[entry.study] = lists.count / MemoryLayout<Int>.stride + 1
        try lists.append(others.count)
        for other in others { try lists.append(other.record) }
      }
      try marks.set(entry.record, starts[entry.study] ?? 0)
    }
  }
}
