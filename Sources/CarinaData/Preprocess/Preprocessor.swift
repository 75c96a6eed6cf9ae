import CarinaRuntime
import Foundation

/// Turns records and their images into a shard directory: decoding on several threads, one writer, order kept.
///
/// A run lives in `OUTPUT.partial` until it is whole (`PreprocessWorkspace`). A run that was stopped or killed goes on
/// after its last finished shard, and several processes may each make a part of the shards. Either way the bytes are
/// the same.
public enum Preprocessor {
  /// Makes one shard directory.
  ///
  /// Each image is stored once, in the order of its first record, however many records name it. Images that cannot be
  /// used are listed in `rejected.jsonl` with their reason. Equal input gives equal bytes, whatever the number of
  /// workers.
  /// - Throws: `CarinaError.missingInput`, `.badData` (records that cannot be understood, or more rejected images than
  ///   allowed), `.usage` (also when an unfinished run of other options is in the way), `.cannotWrite`, `.interrupted`
  ///   (also when other parts are not done).
  public static func run(_ options: PreprocessOptions) throws -> PreprocessSummary {
    let summaries = try whole(try runPart(options, allSplits: false), options)
    guard let summary = summaries.first else { throw CarinaError(.internalFailure, "there is no summary") }
    return summary
  }

  /// Does the part that the options name, and moves the output to its name when it was the last.
  /// - Parameter allSplits: false makes one directory, as `run`. True divides the archive by `options.splits` and
  ///   writes each split into a directory of its name below `options.output`, all of them or none; then no two splits
  ///   may hold identical pixels at the model's size.
  /// - Returns: with all splits a summary of each, in the order of their names.
  /// - Throws: as `run`, and `CarinaError.badData` with the list when two splits hold identical pixels.
  public static func runPart(_ options: PreprocessOptions, allSplits: Bool) throws -> PreprocessOutcome {
    let options = try checked(options)
    if allSplits, options.splits == nil || options.split != nil {
      throw CarinaError(.usage, "to write several splits takes a plan for them and no name of one")
    }
    try OutputCheck.requireReplaceable(options, allSplits: allSplits)
    let job = try PreprocessJob(options)
    let shares = try allSplits ? job.allSplits(options) : [job.selected(options)]
    return try PreprocessRun(shares: shares, job: job, options: options, directories: allSplits).run()
  }

  private static func whole(_ outcome: PreprocessOutcome, _ options: PreprocessOptions) throws -> [PreprocessSummary] {
    switch outcome {
    case .complete(let summaries): return summaries
    case .waiting(let done, let all):
      throw CarinaError(
        .interrupted, "\(done) of \(all) shards are done", at: options.output, remedy: "Run the other parts.")
    }
  }

  private static func checked(_ options: PreprocessOptions) throws -> PreprocessOptions {
    var options = options
    // A name for the directory beside it is made by adding to the path, which must not end in a slash.
    while options.output.count > 1 && options.output.hasSuffix("/") { options.output.removeLast() }
    guard !options.output.isEmpty else { throw CarinaError(.usage, "the output has no name") }
    try options.settings.validate()
    return options
  }
}
