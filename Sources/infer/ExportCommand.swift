import ArgumentParser
import Carina
import CommandOptions

/// A trained model in the form of other software.
struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write a model in parts as one directory that transformers opens.",
    discussion: """
      gemma3 wants a projector of Gemma 3's form (--projector gemma3), llava one of LLaVA's (--projector mlp2x) over
      features before the last norm (--vision-feature pre-norm).

      Example: infer export --as llava --checkpoint runs/stage2/final_model --output joined
      """)

  @Option(
    name: .customLong("as"),
    help: "The form: gemma3, a Gemma3ForConditionalGeneration, or llava, a LlavaForConditionalGeneration.")
  var form: JoinedModelKind
  @Option(
    name: .long, help: ArgumentHelp("The final_model or best_model directory of a training run.", valueName: "dir"))
  var checkpoint: String
  @Option(name: .long, help: ArgumentHelp("The directory to write; it must not be there yet.", valueName: "dir"))
  var output: String
  @OptionGroup var download: DownloadOptions
  @OptionGroup var global: GlobalOptions

  func run() throws {
    global.apply()
    let export = try JoinedExport(checkpoint, as: form)
    for remark in export.remarks { writeNote(remark) }
    try export.write(to: output)
    printLine("infer export: the model is in \(output)")
  }
}

extension JoinedModelKind: @retroactive ExpressibleByArgument {}
