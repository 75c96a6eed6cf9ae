import ArgumentParser
import Carina
import CommandOptions

@main
struct TrainStage0: ParsableCommand, TowerTrainingCommand {
  static let configuration = CommandConfiguration(
    commandName: "train-stage0",
    abstract:
      "Make small backbones where no pretrained ones are given: a SigLIP, a Gemma 3 and their tokenizer; or tune a pretrained SigLIP.",
    discussion: """
      Example: train-stage0 --train-shards shards/stage1-train --text-shards shards/stage2-train --output-dir runs/stage0

      Writes vision/final_model and language/final_model, both in Hugging Face layout.

      Example: train-stage0 --train-shards shards/stage1-train --val-shards shards/stage1-val --vision-model \
      google/siglip-large-patch16-384 --batch-size 256 --output-dir runs/tower

      Writes final_model, a SigLIP as the one that was given, for --vision-model of stages 1 and 2.
      """,
    version: CarinaVersion.current)

  @Option(name: .long, help: "Shard directory with images and captions.") var trainShards: String
  @Option(name: .long, help: "Shard directories whose questions and answers the language model reads as well.")
  var textShards: [String] = []
  @Option(name: .long, help: "Directory of the run.") var outputDir: String
  @OptionGroup var numbers: SettingOptions<GivenOffer<WholeOffer<BackboneSettingList>>>
  @OptionGroup var tower: TowerArguments
  @Option(
    TrainingSettingList.declared.resume.worded(
      "auto goes on from the newest checkpoint, never starts afresh; with --vision-model also a checkpoint directory."))
  var resume: ResumePolicy
  @Option(TrainingSettingList.declared.saveEverySteps) var saveEverySteps: Int?
  @OptionGroup var common: SettingOptions<TrainingOffers.Common>
  @OptionGroup var global: GlobalOptions

  static func main() { runProgram(Self.self) }

  func run() throws {
    global.apply()
    if let options = try towerOptions() {
      return try runTowerTraining(
        "train-stage0", options, hasLivePage: tower.repetition.livePage, on: tower.precision.device())
    }
    try tower.requireNone()
    let options = try options()
    let device = try tower.precision.device(type: .float32)
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
    let machine = [("device", device.description), ("matmul", device.productName), ("threads", "\(ThreadTeam.count)")]
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

  func towerOptions() throws -> TowerTrainingOptions? {
    guard let model = tower.visionModel else { return nil }
    let seed = BackboneSettingList.declared.seed.name
    let foreign =
      try numbers.givenNames.filter { $0 != seed }.map(\.optionName) + (textShards.isEmpty ? [] : ["text-shards"])
    if let first = foreign.first {
      throw CarinaError(
        .usage, "--\(first) is for fresh backbones, and --vision-model names one that is there",
        remedy: "Leave one of the two out.")
    }
    var options = TowerTrainingOptions(trainShards: trainShards, visionModel: model, outputDirectory: outputDir)
    try tower.apply(to: &options)
    try common.apply(to: &options.training)
    options.training.seed = try numbers.values.seed
    options.training.resume = resume
    options.training.saveEverySteps = saveEverySteps
    return options
  }
}
