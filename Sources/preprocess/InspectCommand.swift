import ArgumentParser
import Carina
import CommandOptions

/// `preprocess inspect`: what a shard directory holds.
struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect", abstract: "Print what a shard directory holds.",
    discussion: "Example: preprocess inspect shards/train")

  @Argument(help: "A shard directory.") var directory: String
  @Option(name: .long, help: "How many samples to show.") var show: Int = 3
  @OptionGroup var global: GlobalOptions

  func run() throws {
    global.apply()
    let summary = try ShardSummary(ShardDirectory(directory))
    print(summary.text(show: show))
  }
}
