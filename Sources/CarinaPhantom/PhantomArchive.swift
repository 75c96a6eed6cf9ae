import CarinaData
import CarinaRuntime
import Foundation

/// A directory of generated radiographs with their records: `images/*.png`, `stage1_{train,val,test}.json` and
/// `stage2_{train,val,test}.json`.
public enum PhantomArchive {
  /// How an archive is made.
  public struct Options: Sendable {
    /// Images.
    public var count: Int
    /// Equal seeds give equal archives.
    public var seed: UInt64
    /// Pixels a side.
    public var imageSize: Int
    /// Patients to train on, to validate with, to hold out.
    public var splits: PhantomSplits
    /// Whether stage 2 also asks for the report of each image (`answer_type` REPORT).
    package var reports: Bool

    /// - Throws: `CarinaError.usage` for a count below 1 or a size outside 16...4096.
    public init(count: Int, seed: UInt64, imageSize: Int, splits: PhantomSplits, reports: Bool = false) throws {
      guard count >= 1 else {
        throw CarinaError(.usage, "an archive needs at least one image", expected: "1 or more", found: "\(count)")
      }
      guard (16...4096).contains(imageSize) else {
        throw CarinaError(
          .usage, "radiographs cannot be drawn at this size", expected: "16 to 4096 pixels", found: "\(imageSize)")
      }
      self.count = count
      self.seed = seed
      self.imageSize = imageSize
      self.splits = splits
      self.reports = reports
    }
  }

  /// What was written.
  public struct Summary: Equatable, Sendable {
    /// Images, and captions, of each split.
    public var images: [String: Int]
    /// Questions of each split.
    public var questions: [String: Int]
    /// Patients.
    public var patients: Int
  }

  private static let batch = 256

  /// Writes an archive with the usual splits; see `write(_:to:progress:)`.
  @discardableResult
  public static func write(count: Int, seed: UInt64, imageSize: Int, to directory: String) throws -> Summary {
    try write(Options(count: count, seed: seed, imageSize: imageSize, splits: PhantomSplits()), to: directory)
  }

  /// Draws and writes everything, replacing an earlier archive in the same directory. Equal options give equal bytes,
  /// whatever the number of threads.
  /// - Parameters:
  ///   - shouldStop: asked between some hundreds of images; true ends the drawing.
  ///   - progress: told how many images are drawn.
  /// - Throws: `CarinaError.cannotWrite`; `.interrupted` when asked to stop, and then no image is left.
  @discardableResult
  public static func write(
    _ options: Options, to directory: String, shouldStop: () -> Bool = { false }, progress: (Int) -> Void = { _ in }
  ) throws -> Summary {
    let scenes = PhantomSampler(seed: options.seed).scenes(options.count)
    let shares = options.splits.assign(scenes, seed: options.seed)
    try AtomicFile.makeDirectory(directory)
    try AbandonedFiles.clear(directory)
    try AtomicFile.writeDirectory(to: directory + "/images") { images in
      for start in stride(from: 0, to: scenes.count, by: batch) {
        guard !shouldStop() else {
          throw CarinaError(
            .interrupted, "stopped after drawing \(start) of \(scenes.count) images; none is kept", at: directory,
            remedy: "Run it again.")
        }
        let part = Array(scenes[start..<min(scenes.count, start + batch)])
        for (scene, picture) in zip(part, try pictures(part, size: options.imageSize)) {
          try write(picture, to: "\(images)/\(scene.name).png")
        }
        progress(start + part.count)
      }
    }
    var summary = Summary(images: [:], questions: [:], patients: shares.count)
    for split in PhantomSplits.names {
      let own = scenes.filter { shares[$0.patient] == split }
      let captions = try PhantomRecords.captions(own, split: split)
      let questions = try PhantomRecords.questions(own, split: split, reports: options.reports)
      try AtomicFile.write(captions.text, to: "\(directory)/stage1_\(split).json")
      try AtomicFile.write(questions.text, to: "\(directory)/stage2_\(split).json")
      summary.images[split] = captions.count
      summary.questions[split] = questions.count
    }
    return summary
  }

  private static func pictures(_ scenes: [PhantomScene], size: Int) throws -> [Data] {
    var results = [Result<Data, Error>?](repeating: nil, count: scenes.count)
    results.withUnsafeMutableBufferPointer { buffer in
      let slots = Slots(buffer)
      ThreadTeam.run(taskCount: scenes.count) { task in
        slots.buffer[task] = Result {
          try PNGEncoder.encode(PhantomRenderer.render(scenes[task], size: size), side: size)
        }
      }
    }
    return try results.compactMap { try $0?.get() }
  }

  // Thousands of small files: the directory is brought to the disk and renamed as a whole.
  private static func write(_ data: Data, to path: String) throws {
    do {
      try data.write(to: URL(fileURLWithPath: path))
    } catch {
      throw CarinaError(
        .cannotWrite, "cannot be written: \(error.localizedDescription)", at: path,
        remedy: "Check the free space and the permissions of its directory.")
    }
  }

  /// Unchecked because each task writes the one slot of its own number, and nobody reads before all tasks are done.
  private struct Slots: @unchecked Sendable {
    let buffer: UnsafeMutableBufferPointer<Result<Data, Error>?>
    init(_ buffer: UnsafeMutableBufferPointer<Result<Data, Error>?>) { self.buffer = buffer }
  }
}
