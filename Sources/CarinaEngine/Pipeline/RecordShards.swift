import CarinaData
import CarinaRuntime
import Foundation

/// Shards that a training program makes from records before it trains, at the size of its vision encoder, and uses
/// again as long as records, image roots and encoder ask for the same.
public struct RecordShards: Sendable {
  /// The file of records: a JSON list or JSON Lines.
  public let records: String
  /// Directories in which images are looked up, in this order.
  public let imageRoots: [String]
  /// The shard directory; with a held-out part the directory of `train` and `val`.
  public let output: String
  /// The part that is held out, by patient where all records name theirs, else by image; 0 for none.
  public let heldOutPart: Double
  /// Size, resize and normalisation of the vision encoder.
  public let transform: ImageTransform

  /// Reads what the encoder takes.
  /// - Parameter visionModel: a path or an id.
  /// - Throws: `CarinaError.missingInput`, `.badData` for the encoder, `.usage` for a part outside 0..<1.
  public init(
    records: String, imageRoots: [String], output: String, visionModel: String, heldOutPart: Double = 0
  ) throws {
    guard (0..<1).contains(heldOutPart) else {
      throw CarinaError(
        .usage, "the part of the records that is held out cannot be used", at: records,
        expected: "a number from 0 to below 1", found: "\(heldOutPart)")
    }
    transform = try EncoderImages(of: visionModel).transform
    self.records = records
    self.imageRoots = imageRoots
    self.output = output
    self.heldOutPart = heldOutPart
  }

  /// Whether the shards are there and were made from equal records in the same image roots, for the same images.
  /// - Throws: `CarinaError.missingInput` when the records cannot be read.
  public func areUpToDate() throws -> Bool {
    let source = try source()
    guard let made = try? JSONValue.parseFile(sourcePath),
      ConfigurationDifference.list(recorded: made, asked: source).isEmpty
    else { return false }
    let directories = heldOutPart > 0 ? ["\(output)/train", "\(output)/val"] : [output]
    return directories.allSatisfy { (try? ShardDirectory($0)) != nil }
  }

  /// Makes the shards, replacing earlier ones when they are whole.
  /// - Returns: what was written, directory by directory.
  /// - Throws: as `Preprocessor.runPart`.
  public func make(
    shouldStop: @escaping () -> Bool = { false }, progress: @escaping (Int, Int, Int) -> Void = { _, _, _ in }
  ) throws -> [PreprocessSummary] {
    var options = PreprocessOptions(
      records: records, imageRoots: imageRoots, output: output, transform: transform)
    options.shouldStop = shouldStop
    options.progress = progress
    if heldOutPart > 0 {
      options.splits = try SplitPlan(unit(), fractions: "train=\(1 - heldOutPart),val=\(heldOutPart)")
    }
    let source = try source()
    guard case .complete(let summaries) = try Preprocessor.runPart(options, allSplits: heldOutPart > 0) else {
      throw CarinaError(.internalFailure, "the only part of the shards is not all of them", at: output)
    }
    try source.write(to: sourcePath)
    return summaries
  }

  // Beside the directory, which holds shards and nothing else.
  private var sourcePath: String { output + ".json" }

  private func source() throws -> JSONValue {
    [
      "records": .string(records), "sha256": .string(try SHA256Digest.ofFile(records)),
      "image_roots": .array(imageRoots.map { .string($0) }), "transform": .string(transform.id),
      "held_out_part": .number(heldOutPart),
    ]
  }

  private func unit() throws -> SplitUnit {
    var allNamed = true
    _ = try ArchiveReader.stream(
      records, format: .carina, imageRoots: [], options: ArchiveOptions(), spill: .temporary
    ) { record in
      if record.patient.isEmpty { allNamed = false }
    }
    return allNamed ? .patient : .image
  }
}
