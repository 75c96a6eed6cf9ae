import ArgumentParser
import Carina
import CommandOptions

/// A trained model in the form of other software.
struct ExportCommand: ParsableCommand {
  /// The forms.
  enum Form: String, CaseIterable, ExpressibleByArgument {
    case gemma3
  }

  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write a model whose projector has Gemma 3's form as one directory that transformers opens.",
    discussion: "Example: infer export --as gemma3 --checkpoint runs/stage2/final_model --output joined")

  @Option(name: .customLong("as"), help: "The form: gemma3, a Gemma3ForConditionalGeneration.") var form: Form
  @Option(
    name: .long, help: ArgumentHelp("The final_model or best_model directory of a training run.", valueName: "dir"))
  var checkpoint: String
  @Option(name: .long, help: ArgumentHelp("The directory to write; it must not be there yet.", valueName: "dir"))
  var output: String
  @OptionGroup var download: DownloadOptions
  @OptionGroup var global: GlobalOptions

  func run() throws {
    global.apply()
    switch form {
    case .gemma3:
      let export = try JoinedGemma3Export(checkpoint)
      for remark in export.remarks { writeNote(remark) }
      try export.write(to: output)
    }
    printLine("infer export: the model is in \(output)")
  }
}
