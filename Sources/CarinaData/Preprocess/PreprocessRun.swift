import CarinaRuntime
import Foundation

/// One run of the preprocessor, from what has been read to the finished output.
struct PreprocessRun {
  let shares: [PreprocessJob.Share]
  let job: PreprocessJob
  let options: PreprocessOptions
  /// Whether each share is a directory below the output.
  let directories: Bool

  func run() throws -> PreprocessOutcome {
    let blocks = ShardBlock.all(of: shares.map(\.plan.count), shardSize: options.shardSize)
    let workspace = try PreprocessWorkspace(
      output: options.output, settings: try settings(), splits: directories ? shares.map(\.split) : nil,
      part: options.part)
    do {
      try makeShards(blocks.filter(options.part.owns), in: workspace)
      let finished = blocks.count(where: workspace.isFinished)
      guard finished == blocks.count || workspace.isPublished else {
        return .waiting(finishedShards: finished, ofShards: blocks.count)
      }
      try workspace.publish { directory in try complete(blocks, in: workspace, directory) }
    } catch {
      // Where nothing is finished there is nothing to go on from.
      if !blocks.contains(where: workspace.isFinished), !workspace.isPublished { workspace.remove() }
      throw error
    }
    return .complete(try shares.map(summary))
  }

  /// Everything that decides the bytes.
  private func settings() throws -> [(name: String, value: String)] {
    [
      ("carina", CarinaVersion.current), ("shard format", "\(shares.map(\.version).max() ?? ShardFormat.version)"),
      ("transform", try options.transform.settings.serialized()), ("shard-size", "\(options.shardSize)"),
      ("parts", "\(options.part.count)"), ("records", (options.records as NSString).lastPathComponent),
      ("digest of the records", job.digest), ("splits", shares.map(\.split).joined(separator: ", ")),
      ("directories", "\(directories)"), ("images", shares.map { "\($0.plan.count)" }.joined(separator: ", ")),
      ("digest of texts and file sizes", SHA256Digest.of(shares.map(\.plan.digest).joined())),
    ] + (options.isConfined ? [("confine", "true")] : [])
  }

  private func makeShards(_ own: [ShardBlock], in workspace: PreprocessWorkspace) throws {
    let pending = own.filter { !workspace.isFinished($0) }
    let queue = ShardQueue(pending)
    let total = own.reduce(0) { $0 + $1.images.count }
    var done = total - queue.count
    var rejected = [Int](repeating: 0, count: shares.count)
    var firstLines = [String](repeating: "", count: shares.count)
    for block in own where workspace.isFinished(block) {
      let rejections = try workspace.finished(block).rejections
      rejected[block.split] += rejections.images
      if firstLines[block.split].isEmpty { firstLines[block.split] = rejections.text }
    }
    options.progress(done, total, rejected.reduce(0, +))
    guard !pending.isEmpty else { return }
    try workspace.prepare()
    pending.forEach(workspace.clear)
    let (plans, transform, wantsDigests) = (shares.map(\.plan), options.transform, directories)
    let others = plans.map { _ in UsableImages() }
    var current: ShardInProgress?
    do {
      try OrderedWork.run(count: queue.count, workers: options.workers ?? ThreadTeam.count) { index in
        let (block, image) = queue[index]
        return DecodedImage(
          plans[block.split], image, own: block.images, others: others[block.split], transform,
          wantsDigest: wantsDigests)
      } consume: { index, decoded in
        if options.shouldStop() { throw interrupted(own, workspace) }
        let (block, image) = queue[index]
        let shard = current ?? inProgress(block, workspace)
        current = shard
        let before = shard.rejections.images
        try shard.add(decoded, number: image)
        rejected[block.split] += shard.rejections.images - before
        done += 1
        options.progress(done, total, rejected.reduce(0, +))
        if firstLines[block.split].isEmpty { firstLines[block.split] = shard.rejections.text }
        try requireAllowed(rejected[block.split], in: block.split, firstLines[block.split])
        if image + 1 == block.images.upperBound {
          try workspace.finish(block, try shard.finish())
          current = nil
        }
      }
    } catch {
      // The file is closed before it is removed.
      current = nil
      pending.filter { !workspace.isFinished($0) }.forEach(workspace.clear)
      throw error
    }
  }

  private func inProgress(_ block: ShardBlock, _ workspace: PreprocessWorkspace) -> ShardInProgress {
    ShardInProgress(
      ShardWriter(
        path: workspace.unfinishedPath(block), name: ShardFormat.fileName(block.number), transform: options.transform,
        split: shares[block.split].split, sourceDigest: job.digest, version: shares[block.split].version))
  }

  private func interrupted(_ own: [ShardBlock], _ workspace: PreprocessWorkspace) -> CarinaError {
    let finished = own.count(where: workspace.isFinished)
    return CarinaError(
      .interrupted,
      "stopped with \(finished) of \(own.count) shards finished"
        + (finished == 0 ? "; nothing was written" : ", which are kept in \(options.output).partial"),
      at: options.output, remedy: finished == 0 ? "Run it again." : "Run it again with the same options to go on.")
  }

  /// The allowance counts whole images: with 30 images and 1%, none may be left out.
  private func requireAllowed(_ rejected: Int, in split: Int, _ lines: String) throws {
    let count = shares[split].plan.count
    let allowed = Int((options.maxRejected * Double(count)).rounded(.down))
    guard rejected > allowed else { return }
    let first = Rejections.first(of: lines).joined(separator: "; ")
    let allowance = SettingValues<PreprocessSettingList>.name(\.maxRejected)
    throw CarinaError(
      .badData,
      "\(rejected) of \(count) images cannot be used so far, more than \(setting: allowance) allows. The first: \(first)",
      at: options.records, expected: "at most \(allowed)",
      remedy:
        "Raise \(setting: allowance) to go on; or repair the archive or \(setting: .imageRoot), remove \(options.output).partial if it"
        + " is there, and run it again.")
  }

  /// Adds the manifest and the list of what was left out to each directory.
  private func complete(_ blocks: [ShardBlock], in workspace: PreprocessWorkspace, _ directory: (Int) -> String) throws
  {
    if directories, options.splits?.allowsLeak == false { try requireDifferentPixels(blocks, in: workspace) }
    for (number, share) in shares.enumerated() {
      var shards: [ShardManifest.Shard] = []
      var rejections = share.refused
      var remarks = ImageRemarks()
      for block in blocks where block.split == number {
        let finished = try workspace.finished(block)
        try workspace.requireWhole(block, finished)
        if let shard = finished.shard { shards.append(shard) }
        rejections.append(finished.rejections)
        remarks.append(finished.remarks)
      }
      try requireAllowed(rejections.images, in: number, rejections.text)
      guard shards.contains(where: { $0.samples > 0 }) else {
        workspace.remove()
        throw CarinaError(
          .badData, "no \(shards.isEmpty ? "image" : "sample") can be used; nothing was written", at: options.records)
      }
      let manifest = ShardManifest(
        version: share.version, split: share.split, sourceName: (options.records as NSString).lastPathComponent,
        sourceDigest: job.digest,
        transform: options.transform, shards: shards, rejectedImages: rejections.images,
        rejectedSamples: rejections.samples, suspectedInversions: remarks.inversions,
        orientationTags: remarks.orientations, fileRemarks: remarks.files)
      try AtomicFile.write(rejections.text, to: directory(number) + "/" + ShardFormat.rejected)
      try AtomicFile.write(remarks.text, to: directory(number) + "/" + ShardFormat.remarks)
      try AtomicFile.write(try manifest.text(), to: directory(number) + "/" + ShardFormat.manifest)
    }
  }

  /// Refuses splits that share pixels. The first image of its pixels names them in the error.
  private func requireDifferentPixels(_ blocks: [ShardBlock], in workspace: PreprocessWorkspace) throws {
    var pixels = SharedPixels(job.spill)
    for block in blocks {
      for entry in try workspace.finished(block).pixels { try pixels.add(entry.digest, split: block.split) }
    }
    let shared = try pixels.shared()
    guard !shared.isEmpty else { return }
    var (overlap, image) = (SplitOverlap(), 0)
    for block in blocks {
      for entry in try workspace.finished(block).pixels {
        if let splits = shared[image] { overlap.add(entry.image, splits: splits.map { shares[$0].split }) }
        image += 1
      }
    }
    try overlap.requireNone("images with identical pixels", options.records)
  }

  /// What readers find, for people.
  private func summary(_ share: PreprocessJob.Share) throws -> PreprocessSummary {
    let directory = directories ? options.output + "/" + share.split : options.output
    let rejected = try ReadableFile.read(directory + "/" + ShardFormat.rejected, limit: .list)
    let remarks = try ReadableFile.read(directory + "/" + ShardFormat.remarks, limit: .list)
    let first = ImageRemarks.first(of: String(decoding: remarks, as: UTF8.self))
    return PreprocessSummary(
      manifest: try ShardManifest.read(directory),
      firstRejections: Rejections.first(of: String(decoding: rejected, as: UTF8.self)),
      firstInversions: first.inversions, firstOrientations: first.orientations,
      firstFileRemarks: first.files,
      imagesWithoutPatient: share.plan.withoutPatient, imagesOutsideRoots: share.plan.outsideRoots,
      firstOutsideRoots: share.plan.firstOutsideRoots, counts: job.archive.counts, remarks: job.archive.remarks)
  }
}
