import TestSupport
import Testing

@Suite("Programs, scripts of Windows") struct CarriageReturnTests {
  @Test(
    "a word that ends in a carriage return is refused before anything is read or written",
    arguments: [
      ("preprocess", ["--json", "a.json", "--image-root", "images", "--output", "run\r"], "run"),
      (
        "train-stage1", ["--train_shards", "x", "--vision_model", "x", "--llm", "x", "--num_epochs=3\r"],
        "--num_epochs=3"
      ),
      ("infer", ["--checkpoint", "x", "--image-path", "y\r"], "y"),
      ("evaluate", ["--help\r"], "--help"),
    ])
  func refused(program: String, words: [String], word: String) throws {
    let run = try ProgramRun(program, words)
    #expect(run.exitCode == 64 && run.output.isEmpty)
    #expect(run.errors.hasPrefix("error: the argument \"\(word)\" ends in a carriage return"), "\(run.errors)")
    #expect(run.errors.contains(#"sed -i 's/\r$//'"#))
  }
}
