import ArgumentParser
import Carina
import CommandOptions

@main
struct Preprocess: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "preprocess", version: CarinaVersion.current, subcommands: [PhantomCommand.self])

  static func main() { runProgram(Preprocess.self) }
}
