import ArgumentParser
import Carina
import CommandOptions

@main
struct TrainStage1: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train-stage1",
    abstract: "Train the projector on captions, with the vision encoder and the language model frozen.",
    discussion: """
      Example: train-stage1 --train-shards shards/stage1-train --vision-model google/siglip-large-patch16-384 \
      --llm google/gemma-3-1b-pt --output-dir runs/stage1
      """,
    version: CarinaVersion.current)

  @OptionGroup var training: TrainingArguments
  @Option(name: .long, help: "Start from this projector directory.") var initProjector: String?
  @Option(name: .long, help: "Hidden width of a fresh projector (default: ten times the vision width).")
  var projectorHidden: Int?
  @Option(name: .long, help: "Samples of a micro-batch.") var batchSize = 4
  @Option(name: .long, help: "Micro-batches of an optimizer step.") var gradientAccumulationSteps = 2
  @Option(name: .long, help: "Peak learning rate.") var learningRate = 1e-4
  @Option(name: .long, help: "Passes over the data.") var numEpochs = 10
  @OptionGroup var global: GlobalOptions

  static func main() { runProgram(Self.self) }

  func run() throws {
    global.apply()
    let device = try training.precision.device()
    var options = try training.options(
      policy: .stage1, style: .plain, batchSize: batchSize, accumulation: gradientAccumulationSteps,
      learningRate: learningRate, epochs: numEpochs, warmupRatio: 0)
    options.projector = initProjector
    options.projectorHidden = projectorHidden
    try runJointTraining("train-stage1", options, on: device)
  }
}
