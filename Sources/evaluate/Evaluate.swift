import ArgumentParser
import Carina
import CommandOptions

@main
struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "evaluate", version: CarinaVersion.current)
}
