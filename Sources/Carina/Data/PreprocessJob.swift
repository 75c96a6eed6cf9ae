/// One of the shard directories that a run makes: a split with the images of its records.
struct PreprocessShare {
  let split: String
  let plan: ImagePlan
}

/// What a preprocessing run reads before it looks at images.
struct PreprocessJob {
  let roots: ImageRoots
  /// The archive, its records divided when the options say so.
  let archive: ArchiveRecords
  /// SHA-256 of the annotations.
  let digest: String

  init(_ options: PreprocessOptions) throws {
    roots = try ImageRoots(options.imageRoots)
    var archive = try ArchiveReader.read(
      options.records, format: options.format, imageRoots: options.imageRoots, options: options.archive)
    if let plan = options.splits { archive.records = try plan.applied(to: archive.records, source: options.records) }
    digest = try archive.digest()
    self.archive = archive
  }

  /// Every split, in the order of their names.
  func allSplits(_ options: PreprocessOptions) throws -> [PreprocessShare] {
    let records = try PreprocessJob.limited(archive.records, options)
    return try Set(records.map(\.split)).sorted().map { split in
      try share(records.filter { $0.split == split }, split, options)
    }
  }

  /// The records that the options take.
  func selected(_ options: PreprocessOptions) throws -> PreprocessShare {
    var records = archive.records
    let names = Set(records.map(\.split)).subtracting([""])
    var split = options.split ?? ""
    if let wanted = options.split, !names.isEmpty {
      records = records.filter { $0.split == wanted }
      guard !records.isEmpty else {
        throw CarinaError(
          .usage, "no record is of the split \"\(wanted)\"", at: options.records,
          found: "the splits \(names.sorted().joined(separator: ", "))")
      }
    } else if options.split == nil, names.count == 1, records.allSatisfy({ !$0.split.isEmpty }) {
      split = names.first ?? ""
    }
    return try share(PreprocessJob.limited(records, options), split, options)
  }

  private func share(_ records: [SampleRecord], _ split: String, _ options: PreprocessOptions) throws
    -> PreprocessShare
  {
    PreprocessShare(split: split, plan: try ImagePlan(records, roots: roots, source: options.records))
  }

  private static func limited(_ records: [SampleRecord], _ options: PreprocessOptions) throws -> [SampleRecord] {
    guard let limit = options.limit else { return records }
    guard limit >= 1 else { throw CarinaError(.usage, "--limit must be at least 1", found: "\(limit)") }
    return Array(records.prefix(limit))
  }
}
