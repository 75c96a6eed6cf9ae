import ArgumentParser
import Carina
import CommandOptions

@main
struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Asks a model about images and scores its answers, or scores answers made elsewhere.",
    discussion: """
      Example: evaluate --checkpoint runs/stage2/final_model --shards shards/test --output-dir results/test \
      --arms true,shuffled,blank
      Example: evaluate --predictions answers.jsonl --output-dir results/answers

      An interrupted evaluation goes on where it stopped when the same command is given again.
      """,
    version: CarinaVersion.current)

  @Option(help: "A file of answers made elsewhere, one JSON object a line: id, prediction, reference or references.")
  var predictions: String?
  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Draw the curves of these training runs: an SVG file a curve, and curves.html; nothing is asked.",
      valueName: "run"))
  var curves: [String] = []
  @Option(help: ArgumentHelp("Where predictions, metrics.json and report.html are written.", valueName: "dir"))
  var outputDir: String
  @OptionGroup(title: "Asking a model") var asking: AskingOptions
  @OptionGroup(title: "Making answers") var decoding: GenerationArguments
  @OptionGroup(title: "Report") var report: ReportOptions
  @Option(EvaluatorSettingList.declared.replicates) var bootstrap: Int
  @OptionGroup var global: GlobalOptions

  static func main() { runProgram(Evaluate.self) }

  func run() throws {
    global.apply()
    if !curves.isEmpty {
      let given = asking.given + (predictions == nil ? [] : ["--predictions"])
      guard given.isEmpty else {
        throw CarinaError(
          .usage, "--curves stands alone: it asks no model and scores no answers",
          found: given.joined(separator: ", "))
      }
      try CurvesDrawing(runs: curves, outputDirectory: outputDir).run()
    } else if let predictions {
      guard asking.given.isEmpty else {
        throw CarinaError(
          .usage, "--predictions stands alone: its answers are there already",
          found: asking.given.joined(separator: ", "))
      }
      try Scoring(
        predictions: predictions, outputDirectory: outputDir, replicates: bootstrap,
        seed: try decoding.settings.values.seed, report: report
      ).run()
    } else {
      try asking.parts.check()
      try Asking(asking: asking, report: report, options: options()).run()
    }
  }

  private func options() throws -> EvaluatorOptions {
    var options = EvaluatorOptions(outputDirectory: outputDir)
    options.limit = asking.limit
    options.arms = try EvaluatorArm.list(asking.arms)
    options.withLikelihood = asking.likelihood
    options.replicates = bootstrap
    options.batchSize = asking.batchSize
    options.seed = try decoding.settings.values.seed
    options.featureCache = try asking.features.path(besideShards: asking.shardsPath())
    options.generation = try decoding.options()
    return options
  }
}
