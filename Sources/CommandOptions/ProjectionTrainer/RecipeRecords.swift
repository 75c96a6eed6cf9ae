import Carina
import Foundation

/// Records and image directories of a training command of ProjectionTrainer, which become shards beside the run first.
struct RecipeRecords {
  /// What an option names.
  enum Role { case imageRoot, secondImageRoot, training, validation, heldOutPart }

  private var values: [Role: String] = [:]

  /// Whether the command has none of these options.
  var isEmpty: Bool { values.isEmpty }

  /// Takes an option's value.
  mutating func set(_ role: Role, _ value: String) { values[role] = value }

  /// The options of this program for the shards: where they will be is known before they are there.
  /// - Throws: `CarinaError.usage` for records without images, or the other way round, and for two sources of either.
  func shardOptions(besideRun output: String, given: RecipeArguments) throws -> [String] {
    guard values[.imageRoot] != nil, values[.training] != nil else {
      throw CarinaError(
        .usage, "records and images go together", expected: "--image-root and --train-json",
        found: values[.imageRoot] == nil ? "no --image-root" : "no --train-json")
    }
    for (option, role) in [("train-shards", Role.training), ("val-shards", .validation)]
    where given.value(of: option) != nil && (role == .training || values[role] != nil || values[.heldOutPart] != nil) {
      throw CarinaError(
        .usage, "--\(option) and --train-json cannot go together", remedy: "Name shards, or records and images.")
    }
    let part = try heldOutPart()
    guard part == 0 || values[.validation] == nil else {
      throw CarinaError(
        .usage, "--val-json and --train-val-split cannot go together", remedy: "Leave one of the two out.")
    }
    let shards = RecipeRecords.directory(besideRun: output)
    if part > 0 { return ["--train-shards", "\(shards)/divided/train", "--val-shards", "\(shards)/divided/val"] }
    return ["--train-shards", "\(shards)/train"]
      + (values[.validation] == nil ? [] : ["--val-shards", "\(shards)/val"])
  }

  /// Makes the shards, or says that they are there.
  /// - Throws: `CarinaError` of the encoder, the records or the images.
  func prepare(besideRun output: String, visionModel: String) throws {
    let roots = [values[.imageRoot], values[.secondImageRoot]].compactMap { $0 }
    let directory = RecipeRecords.directory(besideRun: output), part = try heldOutPart()
    for (option, role, name) in [
      ("--train-json", Role.training, part > 0 ? "divided" : "train"), ("--val-json", .validation, "val"),
    ] {
      guard let records = values[role] else { continue }
      let shards = try RecordShards(
        records: records, imageRoots: roots, output: "\(directory)/\(name)", visionModel: visionModel,
        heldOutPart: role == .training ? part : 0)
      guard try !shards.areUpToDate() else {
        writeNote("\(option): the shards in \(shards.output) are up to date and are used again")
        continue
      }
      writeNote(
        "\(option): the images of \(records) go into shards first, once, at \(shards.transform.size) pixels a side as the "
          + "vision encoder takes them: \(shards.output)")
      try make(shards)
    }
  }

  private func make(_ shards: RecordShards) throws {
    Interruption.listen()
    var line: ProgressLine?
    let summaries = try shards.make(shouldStop: { Interruption.wasRequested }) { done, total, rejected in
      let progress = line ?? ProgressLine("preprocess", unit: "images", total: total, startingAt: done)
      let note = rejected > 0 ? "\(rejected) rejected" : ""
      line = progress
      done == total ? progress.finish(done, note: note) : progress.update(done, note: note)
    }
    for summary in summaries {
      let manifest = summary.manifest
      writeNote("\(manifest.images) images, \(manifest.samples) samples in \(manifest.shards.count) shards")
      for remark in summary.remarks { writeNote(remark) }
      guard manifest.rejectedSamples > 0 else { continue }
      writeNote(
        "left out: \(manifest.rejectedImages) images, \(manifest.rejectedSamples) samples, listed in rejected.jsonl; the "
          + "first: " + summary.firstRejections.joined(separator: "; "))
    }
  }

  private func heldOutPart() throws -> Double {
    guard let text = values[.heldOutPart] else { return 0 }
    guard let part = Double(text), (0..<1).contains(part) else {
      throw CarinaError(
        .usage, "--train-val-split cannot be used", expected: "a number from 0 to below 1", found: text)
    }
    return part
  }

  private static func directory(besideRun output: String) -> String {
    var output = output
    while output.count > 1, output.hasSuffix("/") { output.removeLast() }
    return output + "-shards"
  }
}
