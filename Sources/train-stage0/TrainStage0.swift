import ArgumentParser
import Carina
import CommandOptions

@main
struct TrainStage0: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "train-stage0", version: CarinaVersion.current)
}
