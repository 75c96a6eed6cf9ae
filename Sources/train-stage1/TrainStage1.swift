import ArgumentParser
import Carina
import CommandOptions

@main
struct TrainStage1: ParsableCommand, JointTrainingCommand {
  static let configuration = CommandConfiguration(
    commandName: "train-stage1",
    abstract: "Train the projector on captions, with the vision encoder and the language model frozen.",
    discussion: """
      Example: train-stage1 --train-shards shards/stage1-train --vision-model google/siglip-large-patch16-384 \
      --llm google/gemma-3-1b-pt --output-dir runs/stage1
      """,
    version: CarinaVersion.current)

  @OptionGroup var training: TrainingArguments<BackboneParts>
  @Option(name: .long, help: "Start from this projector directory.") var initProjector: String?
  @OptionGroup var projector: SettingOptions<WholeOffer<ProjectorSettingList>>
  @OptionGroup var stage: SettingOptions<TrainingOffers.Stage1>
  @OptionGroup var global: GlobalOptions

  static func main() { runProgram(Self.self) }

  func run() throws {
    global.apply()
    try runJointTraining(
      "train-stage1", trainingOptions(), dumpedSamples: training.dumpTokens ?? 0,
      hasLivePage: training.repetition.livePage,
      on: training.device())
  }

  func trainingOptions() throws -> JointTrainingOptions {
    var options = try training.options(
      policy: .stage1, style: .plain, settings: try stage.values)
    options.projector = initProjector
    options.projectorSettings = try projector.values
    return options
  }
}
