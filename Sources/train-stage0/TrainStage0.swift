import ArgumentParser
import Carina
import CommandOptions

@main
struct TrainStage0: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train-stage0",
    abstract: "Make small backbones where no pretrained ones are given: a SigLIP, a Gemma 3 and their tokenizer.",
    discussion: """
      Example: train-stage0 --train-shards shards/stage1-train --text-shards shards/stage2-train --output-dir runs/stage0

      Writes vision/final_model and language/final_model, both in Hugging Face layout.
      """,
    version: CarinaVersion.current)

  @Option(name: .long, help: "Shard directory with images and captions.") var trainShards: String
  @Option(name: .long, help: "Shard directories whose questions and answers the language model reads as well.")
  var textShards: [String] = []
  @Option(name: .long, help: "Directory of the run.") var outputDir: String
  @OptionGroup var numbers: SettingOptions<WholeOffer<BackboneSettingList>>
  @Option(name: .long, help: "auto goes on from the newest checkpoint, never starts afresh.") var resume = "auto"
  @Option(TrainingSettingList.declared.saveEverySteps) var saveEverySteps: Int?
  @OptionGroup var common: SettingOptions<TrainingOffers.Common>
  @OptionGroup var global: GlobalOptions

  static func main() { runProgram(Self.self) }

  func run() throws {
    global.apply()
    let options = try options()
    let device = try Device.processor()
    let training = try BackboneTraining(options, on: device)
    writeRunHeader("train-stage0", header(options, device))
    training.onRemark = writeNote
    Interruption.listen()
    let vision = StepDisplay("vision"), language = StepDisplay("language")
    try training.run(shouldStop: { Interruption.wasRequested }) { part, report, total in
      (part == .vision ? vision : language).show(report, total: total)
    }
    vision.finish()
    language.finish()
    printLine("train-stage0: done; the models are \(training.visionModel) and \(training.languageModel)")
  }

  private func header(_ o: BackboneTrainingOptions, _ device: Device) -> [(name: String, value: String)] {
    let heads = "\(o.decoderHeads) heads over \(o.keyValueHeads)"
    return [
      ("train-shards", trainShards), ("text-shards", textShards.joined(separator: " ")), ("output-dir", outputDir),
      ("vocabulary-size", "\(o.vocabularySize)"),
      ("vision", "width \(o.visionWidth), \(o.visionLayers) blocks of \(o.visionHeads) heads, patch \(o.patchSize)"),
      ("text", "width \(o.visionWidth), \(o.textLayers) blocks of \(o.visionHeads) heads"),
      ("decoder", "width \(o.decoderWidth), \(o.decoderLayers) blocks of \(heads)"),
      run("vision run", o.visionEpochs, o.visionBatchSize, o.visionLearningRate),
      run("language run", o.languageEpochs, o.languageBatchSize, o.languageLearningRate),
      ("resume", resume), ("save-every-n-steps", o.training.saveEverySteps.text),
    ] + common.header + [
      ("seed", "\(o.seed)"), ("matmul", device.productName), ("threads", "\(ThreadTeam.count)"),
    ]
  }

  private func run(_ name: String, _ epochs: Int, _ batchSize: Int, _ rate: Double) -> (name: String, value: String) {
    (name, "\(epochs) epochs, batches of \(batchSize), learning rate \(rate)")
  }

  private func options() throws -> BackboneTrainingOptions {
    var options = BackboneTrainingOptions(
      captionShards: trainShards, textShards: textShards, outputDirectory: outputDir)
    numbers.apply(to: &options.settings)
    common.apply(to: &options.training)
    options.training.saveEverySteps = saveEverySteps
    guard resume == "auto" || resume == "never" else {
      throw CarinaError(.usage, "--resume is not known", expected: "auto or never", found: resume)
    }
    options.resume = ResumePolicy(resume)
    return options
  }
}
