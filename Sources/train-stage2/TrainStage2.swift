import ArgumentParser
import Carina
import CommandOptions

@main
struct TrainStage2: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "train-stage2", version: CarinaVersion.current)
}
