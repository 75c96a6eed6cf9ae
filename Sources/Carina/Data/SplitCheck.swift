/// Gives records their splits one by one, and finds patients and images that are in two of them. Held are hashes of names,
/// not names.
struct SplitCheck {
  private let plan: SplitPlan
  private let source: String
  private var names: [String: UInt16] = [:]
  private var patients = SharedNames()
  private var images = SharedNames()
  private var unnamed = 0

  /// - Parameter source: names the archive in errors.
  init(_ plan: SplitPlan, source: String) {
    (self.plan, self.source) = (plan, source)
  }

  /// Sets the split of a record.
  /// - Throws: `CarinaError.usage` when it does not name its unit.
  mutating func assign(_ record: inout SampleRecord) throws {
    if plan.unit != .given { record.split = plan.part(of: try plan.key(record, source)) }
    guard !record.split.isEmpty else {
      unnamed += 1
      return
    }
    let known = names[record.split]
    if known == nil, names.count == UInt16.max {
      throw CarinaError(.badData, "names more than 65,534 splits", at: source)
    }
    let split = known ?? UInt16(names.count)
    names[record.split] = split
    guard !plan.allowsLeak else { return }
    patients.add(record.patient, split: split)
    images.add(SplitPlan.imageKey(record), split: split)
  }

  /// Refuses what cannot be split so, once all records have come.
  /// - Parameter records: gives all of them once more, for the names in errors.
  /// - Throws: `CarinaError.usage` when records name no split, `.badData` with the list when patients or images are in two.
  func finish(_ records: ((SampleRecord) throws -> Void) throws -> Void) throws {
    guard unnamed == 0 else {
      throw CarinaError(
        .usage, "\(unnamed) samples name no split", at: source,
        remedy: "Choose --split-by patient, study or image.")
    }
    // A split names a directory.
    if let odd = names.keys.sorted().first(where: { $0.contains("/") || $0.hasPrefix(".") }) {
      throw CarinaError(.badData, "the name of a split cannot be a directory's", at: source, found: odd)
    }
    for (table, what, key) in [
      (patients, "patients", { $0.patient }), (images, "images", SplitPlan.imageKey),
    ] as [(SharedNames, String, (SampleRecord) -> String)] where !table.shared.isEmpty {
      var entries: [(name: String, split: String)] = []
      try records { record in
        let name = key(record)
        if table.shared.contains(NameHash(name)) { entries.append((name, record.split)) }
      }
      try SplitPlan.requireDisjoint(entries, what, source)
    }
  }
}

/// Which names occur in two splits.
private struct SharedNames {
  private var splits: [NameHash: UInt16] = [:]
  private(set) var shared = Set<NameHash>()

  mutating func add(_ name: String, split: UInt16) {
    guard !name.isEmpty else { return }
    let hash = NameHash(name)
    if let known = splits[hash] {
      if known != split { shared.insert(hash) }
    } else {
      splits[hash] = split
    }
  }
}
