import ArgumentParser
import Carina
import CommandOptions

@main
struct TrainStage2: ParsableCommand, JointTrainingCommand {
  static let configuration = CommandConfiguration(
    commandName: "train-stage2",
    abstract: "Tune the language model, and on request projector and vision encoder, on questions about images.",
    discussion: """
      Example: train-stage2 --train-shards shards/stage2-train --vision-model google/siglip-large-patch16-384 \
      --llm google/gemma-3-1b-pt --stage1-projector-path runs/stage1/final_model/projection_layer --output-dir runs/stage2
      """,
    version: CarinaVersion.current)

  @OptionGroup var training: TrainingArguments<CheckpointOrParts>
  @OptionGroup var projector: SettingOptions<WholeOffer<ProjectorSettingList>>
  @Flag(name: .customLong("train-ve-first-epoch"), help: "Train the vision encoder in the first epoch.")
  var trainVision = false
  @Flag(name: .long, help: "Train the projector too.") var unfreezeProjectionLayer = false
  @Flag(
    name: .customLong("unfreeze-llm"), inversion: .prefixedNo,
    help: "Train the language model (default: unless --lora-rank is given).")
  var unfreezeLanguageModel: Bool?
  @Flag(name: .long, help: "Leave the language model's token embeddings as they are, and a head tied to them.")
  var freezeEmbeddings = false
  @OptionGroup(title: "Adapters") var lora: SettingOptions<WholeOffer<LoraSettingList>>
  @OptionGroup var stage: SettingOptions<TrainingOffers.Stage2>
  @OptionGroup var global: GlobalOptions

  static func main() { runProgram(Self.self) }

  func run() throws {
    global.apply()
    try runJointTraining(
      "train-stage2", trainingOptions(), dumpedSamples: training.dumpTokens ?? 0,
      hasLivePage: training.repetition.livePage,
      on: training.device())
  }

  func trainingOptions() throws -> JointTrainingOptions {
    let lora = try lora.values
    var policy = FreezingPolicy(
      trainsProjector: unfreezeProjectionLayer, trainsDecoder: unfreezeLanguageModel ?? (lora.rank == nil),
      trainsVisionInFirstEpoch: trainVision)
    policy.freezesEmbeddings = freezeEmbeddings
    var options = try training.options(policy: policy, style: .gemma, settings: try stage.values)
    if let projector = training.backbones.projector { options.projector = projector }
    options.projectorSettings = try projector.values
    options.lora = lora
    return options
  }
}
