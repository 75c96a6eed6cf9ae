import Foundation
import TestSupport
import Testing

import Carina

@Suite struct TokenizeTests {
  /// Runs the built `infer tokenize` with a text as its input.
  private func tokenize(_ input: String, directory: String) throws -> (output: String, error: String, code: Int32) {
    let programs = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    let files = try TemporaryDirectory()
    for (name, text) in [("in", input), ("out", ""), ("error", "")] { try AtomicFile.write(text, to: files.file(name)) }
    let process = Process()
    process.executableURL = programs.appendingPathComponent("infer")
    process.arguments = ["tokenize", "--llm_path", directory]
    process.standardInput = try FileHandle(forReadingFrom: URL(fileURLWithPath: files.file("in")))
    process.standardOutput = FileHandle(forWritingAtPath: files.file("out"))
    process.standardError = FileHandle(forWritingAtPath: files.file("error"))
    try process.run()
    process.waitUntilExit()
    func read(_ name: String) throws -> String { try String(contentsOfFile: files.file(name), encoding: .utf8) }
    return (try read("out"), try read("error"), process.terminationStatus)
  }

  @Test("each line of JSON strings gives a line of ids, without <bos>")
  func lines() throws {
    let directory = try TemporaryDirectory()
    let trained = try BytePairTrainer(vocabularySize: 300).train(on: ["is there edema", "is there fluid"])
    try trained.write(to: directory.path)
    let tokenizer = try trained.makeTokenizer()
    let texts = ["", "is there\nedema?", "é😀 \u{2028}\0", "<bos>is<end_of_turn>", "\"quoted\\\""]
    let input = try texts.map { try JSONValue.string($0).serialized() }.joined(separator: "\n")
    let result = try tokenize(input, directory: directory.path)
    #expect(result.code == 0)
    #expect(result.output == texts.map { "\(tokenizer.encode($0))\n" }.joined())
    #expect(try tokenize("", directory: directory.path).output.isEmpty)
  }

  @Test("what is no JSON string ends with bad data and its line, a missing tokenizer with missing input")
  func errors() throws {
    let directory = try TemporaryDirectory()
    try BytePairTrainer(vocabularySize: 270).train(on: []).write(to: directory.path)
    for line in ["5", "[\"a\"]", "\"a", "a", ""] {
      let result = try tokenize("\"a\"\n\(line)\n", directory: directory.path)
      #expect(result.code == 65, "\(line)")
      #expect(result.error.contains("string 2"), "\(result.error)")
      #expect(result.output.split(separator: "\n").count == 1)
    }
    let missing = try tokenize("\"a\"", directory: directory.file("nowhere"))
    #expect(missing.code == 66)
    #expect(missing.error.contains("--llm-path names no directory"))
  }
}
