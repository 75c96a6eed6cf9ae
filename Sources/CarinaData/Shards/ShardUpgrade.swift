import CarinaRuntime
import Foundation

/// Rewrites a shard directory of an older version as preprocess writes it today.
public enum ShardUpgrade {
  /// Whether there was something to do.
  public enum Outcome: Equatable, Sendable {
    /// The directory has today's version already; nothing was touched.
    case current
    /// It was rewritten, from this version.
    case upgraded(from: Int)
  }

  /// Rewrites a directory of version 1 beside itself and puts the new one in place of the old one. Its shards get the bytes that
  /// preprocess writes for the same records and images; whatever else lies there is kept.
  /// - Parameter progress: told how many shards are done, and of how many.
  /// - Throws: what verifying throws, before anything is written; `CarinaError.cannotWrite`, and then the directory is
  ///   as it was.
  @discardableResult
  public static func run(_ directory: String, progress: (Int, Int) -> Void = { _, _ in }) throws -> Outcome {
    var path = directory
    while path.count > 1 && path.hasSuffix("/") { path.removeLast() }
    // A run that was killed between its two renames has left the old directory under another name.
    try AbandonedFiles.clear(of: path)
    // The directory itself is rewritten where the path is a link to it, and gets its own name where that is `.`.
    if let resolved = realpath(path, nil) {
      path = String(cString: resolved)
      free(resolved)
    }
    guard try ShardManifest.read(path).version == ShardFormat.oldestVersion else { return .current }
    let old = try ShardDirectory.verified(path), manifest = old.manifest
    try AtomicFile.writeDirectory(to: path) { target in
      let own = Set((manifest.shards.map(\.file) + [ShardFormat.manifest]).map { ExactText($0) })
      for name in try FileManager.default.contentsOfDirectory(atPath: path) where !own.contains(ExactText(name)) {
        do {
          try FileManager.default.copyItem(atPath: path + "/" + name, toPath: target + "/" + name)
        } catch {
          throw CarinaError(
            .cannotWrite, "cannot be copied beside the directory", at: path + "/" + name,
            remedy: "Check the free space, and the permissions of the file and of the directory above.")
        }
      }
      var (shards, image, sample) = ([ShardManifest.Shard](), 0, 0)
      for shard in manifest.shards {
        let writer = ShardWriter(
          path: target + "/" + shard.file, name: shard.file, transform: manifest.transform, split: manifest.split,
          sourceDigest: manifest.sourceDigest, version: ShardFormat.version)
        for row in image..<image + shard.images {
          try writer.add(old.image(row), number: row, pixels: try old.pixels(imageRow: row))
        }
        let samples = (sample..<sample + shard.samples).map { number in
          let stored = old.sample(number)
          return ShardWriter.NumberedSample(
            number: number, record: SampleRecord(stored), images: [stored.imageRow])
        }
        image += shard.images
        sample += shard.samples
        if let written = try writer.finish(samples) { shards.append(written) }
        progress(shards.count, manifest.shards.count)
      }
      try AtomicFile.write(try manifest.upgraded(shards).text(), to: target + "/" + ShardFormat.manifest)
    }
    return .upgraded(from: manifest.version)
  }
}

extension SampleRecord {
  /// What a shard keeps of a record.
  fileprivate init(_ sample: ShardSample) {
    self.init(
      image: "", question: sample.question, answer: sample.answer, id: sample.id, answerType: sample.answerType,
      questionType: sample.questionType)
  }
}

extension ShardManifest {
  /// The same of today's version, with other shards.
  fileprivate func upgraded(_ shards: [Shard]) -> ShardManifest {
    ShardManifest(
      version: ShardFormat.version, split: split, sourceName: sourceName, sourceDigest: sourceDigest,
      transform: transform, shards: shards, rejectedImages: rejectedImages, rejectedSamples: rejectedSamples,
      suspectedInversions: suspectedInversions, orientationTags: orientationTags,
      fileRemarks: fileRemarks)
  }
}
