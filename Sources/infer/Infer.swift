import ArgumentParser
import Carina
import CommandOptions

@main
struct Infer: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "infer",
    abstract: "Ask a model about a radiograph.",
    discussion: """
      Example: infer --checkpoint runs/stage2/final_model --image-path radiograph.png --question "Is there an effusion?"

      The answer, and nothing else, goes to stdout as it is made. All options: infer answer --help
      """,
    version: CarinaVersion.current,
    subcommands: [AnswerCommand.self, MergeCommand.self, TokenizeCommand.self, ExportCommand.self],
    defaultSubcommand: AnswerCommand.self)

  static func main() { runProgram(Infer.self) }
}
