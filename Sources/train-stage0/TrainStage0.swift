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
  @Option(
    TrainingSettingList.declared.resume.worded("auto goes on from the newest checkpoint, never starts afresh."))
  var resume: ResumePolicy
  @Option(TrainingSettingList.declared.saveEverySteps) var saveEverySteps: Int?
  @OptionGroup var common: SettingOptions<TrainingOffers.Common>
  @OptionGroup var global: GlobalOptions

  static func main() { runProgram(Self.self) }

  func run() throws {
    global.apply()
    let options = try options()
    let device = try Device.processor()
    let training = try BackboneTraining(options, on: device)
    writeRunHeader("train-stage0", try header(options, device))
    training.onRemark = writeNote
    Interruption.listen()
    let every = options.training.logEvery
    let vision = StepDisplay("vision", every: every), language = StepDisplay("language", every: every)
    try training.run(shouldStop: { Interruption.wasRequested }) { part, report, total in
      (part == .vision ? vision : language).show(report, total: total)
    }
    vision.finish()
    language.finish()
    printLine("train-stage0: done; the models are \(training.visionModel) and \(training.languageModel)")
  }

  private func header(_ options: BackboneTrainingOptions, _ device: Device) throws -> [(name: String, value: String)] {
    let paths = [
      ("train-shards", trainShards), ("text-shards", textShards.joined(separator: " ")), ("output-dir", outputDir),
    ]
    let own = [("resume", options.training.resume.text), ("save-every-n-steps", options.training.saveEverySteps.text)]
    let machine = [("matmul", device.productName), ("threads", "\(ThreadTeam.count)")]
    return try paths + numbers.header + own + common.header + machine
  }

  private func options() throws -> BackboneTrainingOptions {
    var options = BackboneTrainingOptions(
      captionShards: trainShards, textShards: textShards, outputDirectory: outputDir)
    try numbers.apply(to: &options.settings)
    try common.apply(to: &options.training)
    options.training.saveEverySteps = saveEverySteps
    if case .from(let path) = resume {
      throw CarinaError(.usage, "--resume is not known", expected: "auto or never", found: path)
    }
    options.training.resume = resume
    return options
  }
}
