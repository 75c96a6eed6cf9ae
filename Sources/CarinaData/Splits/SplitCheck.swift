import CarinaRuntime

/// Gives records their splits one by one, and finds patients and images that are in two of them. Hashes of names wait
/// on the disk and are compared bucket by bucket.
package struct SplitCheck {
  private let plan: SplitPlan
  private let source: String
  private var numbers: [ExactText: UInt16] = [:]
  private var splits: [String] = []
  private var patients: NamesOfSplits
  private var images: NamesOfSplits
  private var unnamed = 0

  /// - Parameters:
  ///   - source: names the archive in errors.
  ///   - spill: where to spill.
  package init(_ plan: SplitPlan, source: String, spill: SpillPath) {
    (self.plan, self.source) = (plan, source)
    (patients, images) = (NamesOfSplits(spill), NamesOfSplits(spill))
  }

  /// Sets the split of a record.
  /// - Parameter number: by which `finish` asks for the record.
  /// - Throws: `CarinaError.usage` when it does not name its unit, `.cannotWrite`.
  package mutating func assign(_ record: inout SampleRecord, number: Int) throws {
    if plan.unit != .given { record.split = plan.part(of: try plan.key(record, source)) }
    guard !record.split.isEmpty else {
      unnamed += 1
      return
    }
    let known = numbers[ExactText(record.split)]
    if known == nil, splits.count == UInt16.max {
      throw CarinaError(.badData, "names more than 65,534 splits", at: source)
    }
    let split = known ?? UInt16(splits.count)
    if known == nil {
      numbers[ExactText(record.split)] = split
      splits.append(record.split)
    }
    guard !plan.allowsLeak else { return }
    try patients.add(record.patient, split: split, record: number)
    for image in record.images { try images.add(SplitPlan.imageKey(image), split: split, record: number) }
  }

  /// Refuses what cannot be split so, once all records have come.
  /// - Parameter record: gives a record by its number, for the names in errors.
  /// - Throws: `CarinaError.usage` when records name no split, `.badData` with the list when patients or images are in
  ///   two.
  package func finish(_ record: (Int) throws -> SampleRecord) throws {
    guard unnamed == 0 else {
      throw CarinaError(
        .usage, "\(unnamed) samples name no split", at: source,
        remedy: "Choose \(setting: .splitBy) patient, study or image.")
    }
    // A split names a directory.
    if let odd = splits.sortedExactly().first(where: { $0.utf8.contains(UInt8(ascii: "/")) || $0.hasPrefix(".") }) {
      throw CarinaError(.badData, "the name of a split cannot be a directory's", at: source, found: odd)
    }
    try patients.overlap(splits) { [try record($0).patient] }.requireNone("patients", source)
    try images.overlap(splits) { try record($0).images.map(SplitPlan.imageKey) }.requireNone("images", source)
  }
}

/// Names with the splits in which they occur.
private struct NamesOfSplits {
  private struct Entry: BitwiseCopyable {
    let name: NameHash
    /// The number of a record with this name, times 2 to the 16, and the number of the split.
    let recordAndSplit: UInt64

    var split: UInt16 { UInt16(truncatingIfNeeded: recordAndSplit) }
    var record: Int { Int(recordAndSplit >> 16) }
  }

  private var entries: SpilledBuckets<Entry>
  private var last: Entry?

  init(_ spill: SpillPath) { entries = SpilledBuckets(spill) }

  mutating func add(_ name: String, split: UInt16, record: Int) throws {
    guard !name.isEmpty else { return }
    let entry = Entry(name: NameHash(name), recordAndSplit: UInt64(record) << 16 | UInt64(split))
    // Records of one patient mostly follow each other.
    if let last, last.name == entry.name, last.split == split { return }
    last = entry
    try entries.append(entry, to: entry.name.bucket)
  }

  /// The names in two splits; `names` gives those of a record.
  func overlap(_ splits: [String], names: (Int) throws -> [String]) throws -> SplitOverlap {
    var overlap = SplitOverlap()
    for bucket in 0..<SpilledBuckets<Entry>.count {
      var first: [NameHash: UInt16] = [:]
      var shared = Set<NameHash>()
      try entries.forEach(in: bucket) { entry in
        if let known = first[entry.name] {
          if known != entry.split { shared.insert(entry.name) }
        } else {
          first[entry.name] = entry.split
        }
      }
      guard !shared.isEmpty else { continue }
      // Two names may have one hash, so the names themselves decide.
      var named: [ExactText: Set<UInt16>] = [:]
      try entries.forEach(in: bucket) { entry in
        guard shared.contains(entry.name) else { return }
        for name in try names(entry.record) where NameHash(name) == entry.name {
          named[ExactText(name), default: []].insert(entry.split)
        }
      }
      for (name, found) in named where found.count > 1 { overlap.add(name.text, splits: found.map { splits[Int($0)] }) }
    }
    return overlap
  }
}
