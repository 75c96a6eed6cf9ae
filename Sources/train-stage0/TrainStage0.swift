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
  @Option(name: .long, help: "Pieces of the tokenizer.") var vocabularySize = 1024
  @Option(name: .long, help: "Side of a patch in pixels.") var patchSize = 8
  @Option(name: .long, help: "Width of the vision tower.") var visionWidth = 96
  @Option(name: .long, help: "Blocks of the vision tower.") var visionLayers = 2
  @Option(name: .long, help: "Heads of the vision tower.") var visionHeads = 4
  @Option(name: .long, help: "Blocks of the text tower.") var textLayers = 2
  @Option(name: .long, help: "Width of the decoder.") var decoderWidth = 96
  @Option(name: .long, help: "Blocks of the decoder.") var decoderLayers = 3
  @Option(name: .long, help: "Query heads of the decoder.") var decoderHeads = 4
  @Option(name: .long, help: "Key-value heads of the decoder.") var keyValueHeads = 2
  @Option(name: .long, help: "Images of a step of the vision run.") var visionBatchSize = 32
  @Option(name: .long, help: "Passes of the vision run over the images.") var visionEpochs = 30
  @Option(name: .long, help: "Peak learning rate of the vision run.") var visionLearningRate = 1e-3
  @Option(name: .long, help: "Texts of a step of the language run.") var languageBatchSize = 32
  @Option(name: .long, help: "Passes of the language run over the texts.") var languageEpochs = 4
  @Option(name: .long, help: "Peak learning rate of the language run.") var languageLearningRate = 2e-3
  @Option(name: .long, help: "Seed of weights and of the order of samples.") var seed: UInt64 = 0
  @Option(name: .long, help: "auto goes on from the newest checkpoint, never starts afresh.") var resume = "auto"
  @Option(name: .customLong("save-every-n-steps"), help: "Write a checkpoint every so many optimizer steps.")
  var saveEverySteps: Int?
  @OptionGroup var global: GlobalOptions

  static func main() { runProgram(Self.self) }

  func run() throws {
    global.apply()
    let device = try Device.processor()
    let training = try BackboneTraining(options(), on: device)
    writeRunHeader(
      "train-stage0",
      [
        ("train-shards", trainShards), ("text-shards", textShards.joined(separator: " ")), ("output-dir", outputDir),
        ("vocabulary-size", "\(vocabularySize)"),
        ("vision", "width \(visionWidth), \(visionLayers) blocks of \(visionHeads) heads, patch \(patchSize)"),
        ("text", "width \(visionWidth), \(textLayers) blocks of \(visionHeads) heads"),
        ("decoder", "width \(decoderWidth), \(decoderLayers) blocks of \(decoderHeads) heads over \(keyValueHeads)"),
        ("vision run", "\(visionEpochs) epochs, batches of \(visionBatchSize), learning rate \(visionLearningRate)"),
        (
          "language run",
          "\(languageEpochs) epochs, batches of \(languageBatchSize), learning rate \(languageLearningRate)"
        ), ("resume", resume), ("save-every-n-steps", saveEverySteps.map(String.init) ?? "none"), ("seed", "\(seed)"),
        ("matmul", device.productName), ("threads", "\(ThreadTeam.count)"),
      ])
    Interruption.listen()
    let vision = StepDisplay("vision"), language = StepDisplay("language")
    try training.run(shouldStop: { Interruption.wasRequested }) { part, report, total in
      (part == .vision ? vision : language).show(report, total: total)
    }
    vision.finish()
    language.finish()
    print("train-stage0: done; the models are \(training.visionModel) and \(training.languageModel)")
  }

  private func options() throws -> BackboneTrainingOptions {
    var options = BackboneTrainingOptions(
      captionShards: trainShards, textShards: textShards, outputDirectory: outputDir)
    options.vocabularySize = vocabularySize
    options.patchSize = patchSize
    options.visionWidth = visionWidth
    options.visionLayers = visionLayers
    options.visionHeads = visionHeads
    options.textLayers = textLayers
    options.decoderWidth = decoderWidth
    options.decoderLayers = decoderLayers
    options.decoderHeads = decoderHeads
    options.keyValueHeads = keyValueHeads
    options.vision.batchSize = visionBatchSize
    options.vision.epochCount = visionEpochs
    options.vision.learningRate = visionLearningRate
    options.language.batchSize = languageBatchSize
    options.language.epochCount = languageEpochs
    options.language.learningRate = languageLearningRate
    for path in [\BackboneTrainingOptions.vision, \.language] {
      options[keyPath: path].seed = seed
      options[keyPath: path].saveEverySteps = saveEverySteps
    }
    guard resume == "auto" || resume == "never" else {
      throw CarinaError(.usage, "--resume is not known", expected: "auto or never", found: resume)
    }
    options.resume = ResumePolicy(resume)
    return options
  }
}
