import ArgumentParser
import Carina
import CommandOptions
// The streams of the C library are variables; nobody assigns them.
@preconcurrency import Foundation

/// Lines of JSON strings in, lines of JSON arrays of ids out.
struct TokenizeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokenize",
    abstract: "Print the token ids (without <bos>) of each JSON string read from stdin, one a line.",
    discussion: "Example: echo '\"Is the heart enlarged?\"' | infer tokenize --llm-path models/gemma")

  @Option(name: .customLong("llm-path"), help: "The directory with the tokenizer's files.")
  var languageModelPath: String

  @OptionGroup var download: DownloadOptions
  @OptionGroup var global: GlobalOptions

  func run() throws {
    global.apply()
    let tokenizer = try TokenizerFactory.load(
      directory: try ModelDirectory.locate(languageModelPath, for: SettingName("llm_path")).path)
    let lines = LineReader()
    while let bytes = try lines.next() {
      let source = "standard input, string \(lines.number)"
      let value = try JSONValue.parse(bytes, source: source)
      guard let text = value.string else {
        throw CarinaError(.badData, "a line is no text", at: source, expected: "a JSON string", found: value.kindName)
      }
      let line = try JSONValue.array(tokenizer.encode(text).map { .integer($0) }).serialized()
      // Flushed line by line, so that another program can ask and wait for the answer.
      guard puts(line) >= 0, fflush(stdout) == 0 else {
        throw CarinaError(.cannotWrite, "the ids cannot be written", at: "standard output")
      }
    }
  }
}
