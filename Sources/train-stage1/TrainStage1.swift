import ArgumentParser
import Carina
import CommandOptions

@main
struct TrainStage1: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "train-stage1", version: CarinaVersion.current)
}
