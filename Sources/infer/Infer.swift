import ArgumentParser
import Carina
import CommandOptions

@main
struct Infer: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "infer", version: CarinaVersion.current, subcommands: [TokenizeCommand.self])

  static func main() { runProgram(Infer.self) }
}
