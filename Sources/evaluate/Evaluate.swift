import ArgumentParser
import Carina
import CommandOptions

@main
struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Scores answers about images.",
    discussion: "Example: evaluate --predictions answers.jsonl --output-dir results/answers",
    version: CarinaVersion.current)

  @OptionGroup var scoring: ScoringOptions
  @OptionGroup var global: GlobalOptions

  static func main() { runProgram(Evaluate.self) }

  func run() throws {
    global.apply()
    try scoring.run()
  }
}
