/// One of the shard directories that a run makes: a split with the images of its records.
struct PreprocessShare {
  let split: String
  let plan: ImagePlan
}

/// What a preprocessing run reads before it looks at images.
struct PreprocessJob {
  private let roots: ImageRoots
  private let records: SpilledRecords
  private let splits: Set<String>
  /// What the archive says of itself, without its records.
  let archive: ArchiveRecords
  /// SHA-256 of the annotations.
  let digest: String

  init(_ options: PreprocessOptions) throws {
    if let limit = options.limit, limit < 1 {
      throw CarinaError(.usage, "--limit must be at least 1", found: "\(limit)")
    }
    roots = try ImageRoots(options.imageRoots)
    let spilled = try SpilledRecords(besideName: "\(options.output).\(options.part.number).records")
    var check = options.splits.map { SplitCheck($0, source: options.records) }
    var splits = Set<String>()
    archive = try ArchiveReader.stream(
      options.records, format: options.format, imageRoots: options.imageRoots, options: options.archive
    ) { record in
      var record = record
      try check?.assign(&record)
      splits.insert(record.split)
      try spilled.append(record)
    }
    try spilled.flush()
    try check?.finish { body in try spilled.forEach { record, _ in try body(record) } }
    (records, self.splits) = (spilled, splits)
    digest = try archive.digest()
  }

  /// Every split, in the order of their names.
  func allSplits(_ options: PreprocessOptions) throws -> [PreprocessShare] {
    try splits.sorted().compactMap { split in
      var left = options.limit ?? .max
      let plan = try ImagePlan(records, roots: roots, source: options.records) { record in
        left -= 1
        return left >= 0 && record.split == split
      }
      return plan.count == 0 ? nil : PreprocessShare(split: split, plan: plan)
    }
  }

  /// The records that the options take.
  func selected(_ options: PreprocessOptions) throws -> PreprocessShare {
    let names = splits.subtracting([""])
    var split = options.split ?? ""
    var filter: String?
    if let wanted = options.split, !names.isEmpty {
      guard names.contains(wanted) else {
        throw CarinaError(
          .usage, "no record is of the split \"\(wanted)\"", at: options.records,
          found: "the splits \(names.sorted().joined(separator: ", "))")
      }
      filter = wanted
    } else if options.split == nil, splits.count == 1 {
      split = splits.first ?? ""
    }
    var left = options.limit ?? .max
    let plan = try ImagePlan(records, roots: roots, source: options.records) { record in
      guard filter == nil || record.split == filter else { return false }
      left -= 1
      return left >= 0
    }
    return PreprocessShare(split: split, plan: plan)
  }
}
