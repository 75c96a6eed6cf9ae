import ArgumentParser
import Carina
import CommandOptions

@main
struct Preprocess: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "preprocess",
    abstract: "Turn radiographs and JSON records into HDF5 shards.",
    discussion: "Example: preprocess --json train.json --image-root images --output shards/train",
    version: CarinaVersion.current,
    subcommands: [
      ShardsCommand.self, PhantomCommand.self, InspectCommand.self, VerifyCommand.self, UpgradeCommand.self,
      AuditCommand.self,
    ],
    defaultSubcommand: ShardsCommand.self)

  static func main() { runProgram(Preprocess.self) }
}
