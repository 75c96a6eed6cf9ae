import ArgumentParser
import Carina
// The streams of the C library are variables; nobody assigns them.
@preconcurrency import Foundation

/// Parses the command line of `program`, runs it and ends the process with its exit code.
///
/// Underscores in option names are accepted, and so are command lines of ProjectionTrainer (`RecipeCommand`). A
/// `CarinaError` becomes one paragraph on stderr and its exit code; bad usage ends with 64; `--help` and `--version` with
/// 0; an error that nobody expected with 70.
public func runProgram<Program: ParsableCommand>(_ program: Program.Type) -> Never {
  LostFiles.endProgram(prefix: "error: ", status: CarinaError(.badData, "").exitCode.rawValue)
  SettingSpelling.use(.commandLine)
  Processor.shortenIdleSpin()
  // A reader that goes away (`| head`) is a failed write, not a silent death in the middle of a file.
  signal(SIGPIPE, SIG_IGN)
  // And a file that reaches the size limit of the shell is a failed write too.
  signal(SIGXFSZ, SIG_IGN)
  do {
    var recipe: RecipeCommand?, remarks: [String] = []
    try runReportingErrors {
      try refuseMistypedWords(Array(CommandLine.arguments.dropFirst()))
      let name = program.configuration.commandName ?? ""
      let expanded = try ExpandedCommand(program: name, normalizedArguments())
      recipe = try RecipeCommand(program: name, expanded.words)
      try refuseForeignOptions(name, recipe?.arguments.words ?? expanded.words)
      remarks = expanded.remarks
      if let words = expanded.resolved { RunEnvironment.use(command: CommandLine.arguments.prefix(1) + words) }
    }
    var command = try program.parseAsRoot(recipe?.arguments.words)
    try runReportingErrors {
      (remarks + (recipe?.remarks ?? [])).forEach(writeNote)
      if let training = command as? any JointTrainingCommand { try recipe?.prepare(training.trainingOptions()) }
      if let tower = try (command as? any TowerTrainingCommand)?.towerOptions() { try recipe?.prepare(tower) }
      try command.run()
    }
    program.exit()
  } catch {
    // Neither the engine's nor one of those with which the parser ends a program: its own code would be 1.
    guard error is ExitCode || program.exitCode(for: error) != .failure else {
      writeError("\(error). This is an error in the program; please report it.")
      program.exit(withError: CarinaError(.internalFailure, "unexpected").exitCode)
    }
    let code = program.exitCode(for: error)
    // Help goes to stdout as it is; a complaint repeats what was typed, perhaps a file's name.
    guard !(error is ExitCode), code != .success else { program.exit(withError: error) }
    if let refusal = ParserRefusal.error(program.message(for: error), words: normalizedArguments()) {
      writeError("\(refusal)")
      program.exit(withError: refusal.exitCode)
    }
    writeToStandardError(DisplayedText.of(program.fullMessage(for: error), keepingLines: true) + "\n")
    program.exit(withError: code)
  }
}

/// Runs `body`; a `CarinaError` is written to stderr as one paragraph and thrown on as its exit code.
/// - Throws: `ExitCode` for a `CarinaError`, anything else unchanged.
public func runReportingErrors(_ body: () throws -> Void) throws {
  do {
    try body()
  } catch let error as CarinaError {
    writeError("\(error)")
    throw error.exitCode
  }
}

/// Writes a remark on a run to stderr.
public func writeNote(_ remark: String) {
  writeToStandardError("note: \(DisplayedText.of(DisplayedText.shortened(remark, to: 10_000)))\n")
}

/// Writes what went wrong to stderr, as one line in which foreign texts can do nothing but be read.
public func writeError(_ text: String) { writeToStandardError("error: \(DisplayedText.of(text))\n") }

/// Writes a text to stderr at once, as it is.
public func writeToStandardError(_ text: String) {
  fputs(text, stderr)
}
