import Foundation

/// Turns records and their images into a shard directory: decoding on several threads, one writer, order kept.
public enum Preprocessor {
  /// Runs to the end or leaves nothing.
  ///
  /// Each image is stored once, in the order of its first record, however many records name it. Images that cannot be
  /// used are listed in `rejected.jsonl` with their reason. Equal input gives equal bytes, whatever the number of workers.
  /// - Throws: `CarinaError.missingInput`, `.badData` (records that cannot be understood, or more rejected images than
  ///   allowed), `.usage`, `.cannotWrite`, `.interrupted`.
  public static func run(_ options: PreprocessOptions) throws -> PreprocessSummary {
    let options = try checked(options)
    try requireReplaceable(options.output)
    let job = try PreprocessJob(options)
    let records = try selected(job.archive.records, options)
    var summary: PreprocessSummary?
    try AtomicFile.writeDirectory(to: options.output) { directory in
      summary = try fill(directory, with: records.records, split: records.split, job: job, options: options) { _, _ in }
    }
    guard let summary else { throw CarinaError(.internalFailure, "the shard directory was not written") }
    return summary
  }

  /// Divides an archive by `options.splits` and writes each split into a directory of its name below `options.output`:
  /// all of them or none.
  ///
  /// Beside patients and images, which `run` checks too, no two splits may hold identical pixels at the model's size.
  /// - Returns: what was written, by split, in the order of their names.
  /// - Throws: as `run`, and `CarinaError.badData` with the list when two splits hold identical pixels.
  public static func runSplits(_ options: PreprocessOptions) throws -> [PreprocessSummary] {
    let options = try checked(options)
    guard let plan = options.splits, options.split == nil else {
      throw CarinaError(.usage, "to write several splits takes a plan for them and no name of one")
    }
    try requireReplaceableSplits(options.output)
    let job = try PreprocessJob(options)
    let records = try limited(job.archive.records, options)
    var summaries: [PreprocessSummary] = []
    try AtomicFile.writeDirectory(to: options.output) { directory in
      var seen: [(name: String, split: String)] = []
      var images: [String: String] = [:]
      for split in Set(records.map(\.split)).sorted() {
        try AtomicFile.makeDirectory(directory + "/" + split)
        let part = records.filter { $0.split == split }
        let summary = try fill(directory + "/" + split, with: part, split: split, job: job, options: options) {
          image, pixels in
          let digest = SHA256Digest.of(Data(pixels.values))
          // The first image of its pixels names them in the error.
          let name = images[digest] ?? image.id
          images[digest] = name
          seen.append((name, split))
        }
        summaries.append(summary)
      }
      if !plan.allowsLeak { try SplitPlan.requireDisjoint(seen, "images with identical pixels", options.records) }
    }
    return summaries
  }

  /// Writes the shards, the manifest and the list of what was left out.
  private static func fill(
    _ directory: String, with records: [SampleRecord], split: String, job: PreprocessJob, options: PreprocessOptions,
    inspect: (ShardImage, ImagePixels) -> Void
  ) throws -> PreprocessSummary {
    let plan = try ImagePlan(records, roots: job.roots, source: options.records)
    let writer = ShardWriter(
      directory: directory, transform: options.transform, split: split, sourceDigest: job.digest,
      shardSize: options.shardSize)
    let rejections = try write(plan, options: options, to: writer, inspect: inspect)
    try writer.finish()
    guard !writer.finished.isEmpty else {
      throw CarinaError(.badData, "no image can be used; nothing was written", at: options.records)
    }
    let manifest = ShardManifest(
      split: split, sourceName: (options.records as NSString).lastPathComponent, sourceDigest: job.digest,
      transform: options.transform, shards: writer.finished, rejectedImages: rejections.images,
      rejectedSamples: rejections.samples)
    try AtomicFile.write(rejections.text, to: directory + "/" + ShardFormat.rejected)
    try AtomicFile.write(try manifest.text(), to: directory + "/" + ShardFormat.manifest)
    return PreprocessSummary(
      manifest: manifest, firstRejections: rejections.first,
      imagesWithoutPatient: plan.images.count { $0.image.patient.isEmpty }, counts: job.archive.counts,
      remarks: job.archive.remarks)
  }

  private static func checked(_ options: PreprocessOptions) throws -> PreprocessOptions {
    var options = options
    // A name for the directory beside it is made by adding to the path, which must not end in a slash.
    while options.output.count > 1 && options.output.hasSuffix("/") { options.output.removeLast() }
    guard !options.output.isEmpty else { throw CarinaError(.usage, "the output has no name") }
    guard options.shardSize >= 1, options.workers >= 1, (0...1).contains(options.maxRejected) else {
      throw CarinaError(
        .usage, "an option is out of range",
        expected: "shard size and workers of at least 1, rejected part within 0...1")
    }
    return options
  }

  private static func write(
    _ plan: ImagePlan, options: PreprocessOptions, to writer: ShardWriter, inspect: (ShardImage, ImagePixels) -> Void
  ) throws -> Rejections {
    let (images, transform) = (plan.images, options.transform)
    var rejections = Rejections()
    // The allowance counts whole images: with 30 images and 1%, none may be left out.
    let allowed = Int((options.maxRejected * Double(images.count)).rounded(.down))
    try OrderedWork.run(count: images.count, workers: options.workers) { index -> Result<ImagePixels, Error> in
      guard let path = images[index].path else { return .failure(ImagePlan.notFound(images[index].image.id)) }
      return Result { try transform.pixels(ofFileAt: path) }
    } consume: { index, result in
      if options.shouldStop() {
        throw CarinaError(.interrupted, "stopped; nothing was written", at: options.output, remedy: "Run it again.")
      }
      let planned = images[index]
      switch result {
      case .success(let pixels):
        let usable = planned.samples.filter { !$0.record.answer.isEmpty }
        for sample in planned.samples where sample.record.answer.isEmpty {
          try rejections.add(sample: sample.record)
        }
        // An image none of whose answers can be used has no place in a shard.
        if usable.isEmpty {
          rejections.images += 1
        } else {
          inspect(planned.image, pixels)
          try writer.add(planned.image, pixels: pixels, samples: usable)
        }
      case .failure(let error):
        try rejections.add(image: planned, error: error)
      }
      options.progress(index + 1, images.count, rejections.images)
      guard rejections.images <= allowed else {
        throw CarinaError(
          .badData,
          "\(rejections.images) of \(index + 1) images so far cannot be used, more than --max-rejected allows"
            + "; nothing was written. The first: \(rejections.first.joined(separator: "; "))",
          at: options.records, expected: "at most \(allowed) of \(images.count)",
          remedy: "Repair the archive, check --image-root, or raise --max-rejected.")
      }
    }
    return rejections
  }

  /// The records that the options take, and the name of their split.
  private static func selected(
    _ records: [SampleRecord], _ options: PreprocessOptions
  ) throws -> (records: [SampleRecord], split: String) {
    var records = records
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
    return (try limited(records, options), split)
  }

  private static func limited(_ records: [SampleRecord], _ options: PreprocessOptions) throws -> [SampleRecord] {
    guard let limit = options.limit else { return records }
    guard limit >= 1 else { throw CarinaError(.usage, "--limit must be at least 1", found: "\(limit)") }
    return Array(records.prefix(limit))
  }

  /// Refuses to replace what is not an earlier directory of splits.
  private static func requireReplaceableSplits(_ output: String) throws {
    let files = FileManager.default
    guard files.fileExists(atPath: output) else { return }
    let parts = (try? files.contentsOfDirectory(atPath: output)) ?? []
    guard parts.allSatisfy({ files.fileExists(atPath: "\(output)/\($0)/\(ShardFormat.manifest)") }),
      !parts.isEmpty || isDirectory(output)
    else {
      throw CarinaError(
        .usage, "exists and is no directory of splits, so it is not replaced", at: output,
        remedy: "Give a new directory as --output.")
    }
    for part in parts { try requireReplaceable(output + "/" + part) }
  }

  private static func isDirectory(_ path: String) -> Bool {
    var isDirectory: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && isDirectory.boolValue
  }

  /// Refuses to replace what is not an earlier shard directory.
  private static func requireReplaceable(_ output: String) throws {
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: output, isDirectory: &isDirectory) else { return }
    let contents = (try? FileManager.default.contentsOfDirectory(atPath: output)) ?? []
    let isOurs = contents.allSatisfy { name in
      name == ShardFormat.manifest || name == ShardFormat.rejected || name.hasPrefix("shard-") && name.hasSuffix(".h5")
    }
    guard isDirectory.boolValue, isOurs else {
      throw CarinaError(
        .usage, "exists and is no shard directory, so it is not replaced", at: output,
        remedy: "Give a new directory as --output.")
    }
  }
}
