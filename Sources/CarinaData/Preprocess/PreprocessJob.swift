import CarinaRuntime

/// What a preprocessing run reads before it looks at images.
struct PreprocessJob {
  /// One of the shard directories that a run makes: a split with the images of its records.
  struct Share {
    let split: String
    let plan: ImagePlan
    /// Records of which no sample can be made.
    let refused: Rejections

    /// Version of the format that its shards have.
    var version: Int { plan.hasSeveral ? ShardFormat.severalVersion : ShardFormat.version }
  }

  private let roots: ImageRoots
  private let records: SpilledRecords
  private let files: ImagePlan.Files
  private let refused: RefusedRecords
  /// What the archive says of itself, without its records.
  let archive: ArchiveRecords
  /// SHA-256 of the annotations.
  let digest: String

  /// Where state may wait on the disk.
  var spill: SpillPath { records.spill }

  init(_ options: PreprocessOptions) throws {
    roots = try ImageRoots(options.imageRoots, isConfined: options.isConfined)
    let spill = SpillPath("\(options.output).\(options.part.number).spill")
    let spilled = try SpilledRecords(spill)
    var names = SpilledNames(spill)
    var check = options.splits.map { SplitCheck($0, source: options.records, spill: spill) }
    var refused = RefusedRecords()
    archive = try ArchiveReader.stream(
      options.records, format: options.format, imageRoots: options.imageRoots, options: options.archive,
      isConfined: options.isConfined, spill: spill
    ) { record in
      var record = record
      try names.add(record.id)
      guard record.refusal.isEmpty else {
        // One that does not name its unit belongs to no split.
        if let plan = options.splits, plan.unit != .given {
          record.split = (try? plan.key(record, options.records)).map(plan.part) ?? ""
        }
        return refused.add(record, before: spilled.count)
      }
      do {
        try check?.assign(&record, number: spilled.count)
      } catch {
        // The error names the sample as the shards would.
        record.id = try names.unique(last: record.id)
        try check?.assign(&record, number: spilled.count)
      }
      try spilled.append(record)
    }
    try spilled.flush()
    try names.forEachRepeated { number, suffix in
      let (entry, usable) = refused.locate(number)
      if let entry { refused.setSuffix(suffix, of: entry) } else { try spilled.setSuffix(suffix, of: usable) }
    }
    self.refused = refused
    guard spilled.count > 0 else {
      let first = Rejections.first(of: try refused.rejections().text).joined(separator: "; ")
      throw CarinaError(
        .badData, "none of the \(refused.count) records can be used. The first: \(first)", at: options.records,
        remedy: "Correct the records.")
    }
    try check?.finish(spilled.record)
    (records, files) = (spilled, try ImagePlan.Files(spill))
    digest = try archive.digest()
  }

  /// Every split, in the order of their names.
  func allSplits(_ options: PreprocessOptions) throws -> [PreprocessJob.Share] {
    let splits = records.splits.enumerated().sorted { $0.element.exact < $1.element.exact }
    var shares: [(split: String, plan: ImagePlan)] = []
    for (number, split) in splits {
      guard FileName.isSingle(split) else {
        throw CarinaError(
          .badData, "a split's name cannot be that of a directory", at: options.records,
          expected: "a name without slashes", found: "\"\(split)\"")
      }
      var left = options.limit ?? .max
      let plan = try ImagePlan(records, roots: roots, files: files, source: options.records) {
        left -= 1
        return left >= 0 && $0 == number
      }
      if plan.count > 0 { shares.append((split, plan)) }
    }
    // What belongs to none of the splits is told with the first.
    let names = Set(shares.map(\.split.exact))
    return try shares.enumerated().map { number, share in
      let refused = try refused.rejections(before: options.limit) { split in
        split.isExactly(share.split) || number == 0 && !names.contains(ExactText(split))
      }
      return PreprocessJob.Share(split: share.split, plan: share.plan, refused: refused)
    }
  }

  /// The records that the options take.
  func selected(_ options: PreprocessOptions) throws -> PreprocessJob.Share {
    let names = Set(records.splits.map(\.exact)).subtracting([""])
    var split = options.split ?? ""
    var filter: Int?
    if let wanted = options.split, !names.isEmpty {
      guard names.contains(ExactText(wanted)) else {
        throw CarinaError(
          .usage, "no record is of the split \"\(wanted)\"", at: options.records,
          found: "the splits \(names.sorted().map(\.text).joined(separator: ", "))")
      }
      filter = records.splits.firstIndex(where: wanted.isExactly)
    } else if options.split == nil, records.splits.count == 1 {
      split = records.splits[0]
    }
    var (left, read) = (options.limit ?? .max, 0)
    var end: Int?
    let plan = try ImagePlan(records, roots: roots, files: files, source: options.records) { number in
      read += 1
      guard filter.map({ $0 == number }) ?? true else { return false }
      left -= 1
      if left == 0 { end = read }
      return left >= 0
    }
    let refused = try refused.rejections(before: end) { filter == nil || $0.isExactly(split) }
    return PreprocessJob.Share(split: split, plan: plan, refused: refused)
  }
}
