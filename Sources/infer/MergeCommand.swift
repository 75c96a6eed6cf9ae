import ArgumentParser
import Carina
import CommandOptions

/// Plain weights of a model and its adapters.
struct MergeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge",
    abstract: "Add the adapters of a model to its weights, and write it without them.",
    discussion: """
      Example: infer merge --checkpoint runs/stage2/final_model --output merged

      Weights are written in the type of the base's, unless --precision names another. Parts without adapters are \
      named by reference, as in the final_model of a training run.
      """)

  @OptionGroup(title: "Model") var parts: ModelPartsOptions
  @Option(help: ArgumentHelp("Where the merged model is written.", valueName: "dir"))
  var output: String
  @OptionGroup(title: "Computing") var precision: PrecisionOptions
  @OptionGroup var global: GlobalOptions

  func run() throws {
    global.apply()
    try parts.check()
    let choice = try precision.settings.values.precision
    let stored = try AdapterMerge.storedType(checkpoint: parts.checkpoint, languageModel: parts.languageModelPath)
    let type = choice == .automatic ? stored : choice.elementType, device = try precision.device(type: type)
    let answering = try parts.load(precision: type, on: device)
    writeRunHeader(
      "infer merge", parts.header(answering) + [("output", output)] + precision.header(type, answering.device))
    for key in answering.unknownKeys { writeNote("\(key) is not known and has no effect") }
    for remark in answering.remarks { writeNote(remark) }
    try AdapterMerge.write(answering, type: type, to: output)
    printLine("infer merge: the merged model is in \(output)")
  }
}
