import ArgumentParser
import Carina
import CommandOptions

/// Times operations and whole steps against what the machine reaches in the same run.
@main struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench", abstract: "Time operations and whole steps against the machine's ceilings.",
    version: CarinaVersion.current,
    subcommands: [
      OperationsCommand.self, StepsCommand.self, ImagesCommand.self, ReadingCommand.self, RoundingCommand.self,
    ],
    defaultSubcommand: OperationsCommand.self)

  static func main() { runProgram(Self.self) }
}
