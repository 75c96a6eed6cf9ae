import ArgumentParser
import Carina
import CommandOptions

/// `preprocess verify`: every checksum of a shard directory.
struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify", abstract: "Compare every shard of a directory with its checksum.",
    discussion: "Example: preprocess verify shards/train")

  @Argument(help: "A shard directory.") var directory: String
  @OptionGroup var global: GlobalOptions

  func run() throws {
    global.apply()
    let progress = ProgressLine("verify", unit: "shards", total: try ShardManifest.read(directory).shards.count)
    let shards = try ShardDirectory.verified(directory) { progress.update($0) }
    if shards.manifest.version == 1 {
      writeNote(
        "the shards are of version 1, which is hashed at each start; preprocess upgrade \(directory) rewrites them")
    }
    printLine(
      "\(shards.manifest.shards.count) shards with \(shards.imageCount) images and \(shards.sampleCount) samples "
        + "are as they were written")
  }
}
