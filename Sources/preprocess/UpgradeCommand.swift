import ArgumentParser
import Carina
import CommandOptions

/// `preprocess upgrade`: a shard directory of an older version into today's.
struct UpgradeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "upgrade", abstract: "Rewrite a shard directory of an older format version as the present one.",
    discussion: """
      Example: preprocess upgrade shards/train

      The result has the bytes that preprocess writes for the same records. It is made beside the directory and then takes \
      its name; the directory is verified before. A training run that is not finished does not go on with it, as the \
      digests of its shards change.
      """)

  @Argument(help: "A shard directory.") var directory: String
  @OptionGroup var global: GlobalOptions

  func run() throws {
    global.apply()
    var line: ProgressLine?
    let outcome = try ShardUpgrade.run(directory) { done, total in
      let progress = line ?? ProgressLine("upgrade", unit: "shards", total: total)
      line = progress
      progress.update(done)
    }
    switch outcome {
    case .current: printLine("\(directory) has the present format version already")
    case .upgraded(let version):
      let manifest = try ShardManifest.read(directory)
      printLine(
        "\(manifest.shards.count) shards with \(manifest.images) images and \(manifest.samples) samples are rewritten "
          + "from version \(version) to \(manifest.version)")
    }
  }
}
