import TestSupport
import Testing

@Suite("Programs, words that cannot be meant") struct MistypedWordsTests {
  @Test(
    "a word that ends in a carriage return is refused before anything is read or written",
    arguments: [
      ("preprocess", ["--json", "a.json", "--image-root", "images", "--output", "run\r"], "run"),
      (
        "train-stage1", ["--train_shards", "x", "--vision_model", "x", "--llm", "x", "--num_epochs=3\r"],
        "--num_epochs=3"
      ),
      ("infer", ["--checkpoint", "x", "--image-path", "y\r"], "y"), ("evaluate", ["--help\r"], "--help"),
    ])
  func carriageReturns(program: String, words: [String], word: String) throws {
    let run = try ProgramRun(program, words)
    #expect(run.exitCode == 64 && run.output.isEmpty)
    #expect(run.errors.hasPrefix("error: the argument \"\(word)\" ends in a carriage return"), "\(run.errors)")
    #expect(run.errors.contains(#"sed -i 's/\r$//'"#))
  }

  @Test("an option with a dash of word processors is refused as that, and a text that begins with one is none")
  func dashes() throws {
    for word in ["–json", "—json=a", "–-image_root", "−output"] {
      let run = try ProgramRun("preprocess", [word, "a.json"])
      #expect(run.exitCode == 64, "\(word)")
      #expect(
        run.errors.hasPrefix("error: the argument \"\(word)\" begins with a dash that is no hyphen"), "\(run.errors)")
    }
    let run = try ProgramRun(
      "infer", ["--checkpoint", "x", "--image-path", "y", "--question", "– is there an effusion?"])
    #expect(!run.errors.contains("dash"), "\(run.errors)")
  }

  @Test("a tilde that the shell has left is refused, before a directory of that name is made")
  func tildes() throws {
    let run = try ProgramRun("preprocess", ["--json", "a.json", "--image-root", "x", "--output=~/run"])
    #expect(run.exitCode == 64 && run.errors.hasPrefix("error: the tilde of \"--output=~/run\""), "\(run.errors)")
    let other = try ProgramRun("preprocess", ["--json", "a.json", "--image-root", "x", "--output=a~/run"])
    #expect(other.exitCode == 66 || other.exitCode == 65, "\(other.errors)")
    #expect(!other.errors.contains("tilde"))
  }

  @Test(
    "an option under the name of another tool is refused with its name here, before anything is read",
    arguments: [
      ("train-stage2", "--lora_r", "--lora-rank"), ("train-stage2", "--lora-target-modules", "--lora-targets"),
      ("train-stage2", "--use_dora", "--rslora"), ("train-stage1", "--load-in-8bit", "--base-weights int8"),
      ("train-stage2", "--adapter", "infer merge"), ("train-stage2", "--optim", "--optimizer"),
      ("train-stage2", "--weights", "--base-weights"), ("train-stage0", "--eval_steps=3", "--eval-every"),
      ("train-stage1", "--preset", "--presets"), ("train-stage0", "--fp16", "bf16"),
      ("evaluate", "--load_in_8bit", "--weights int8"), ("evaluate", "--base-weights", "--weights"),
      ("evaluate", "--lora-path", "--adapter"), ("infer", "--max-tokens", "--max-new-tokens"),
      ("infer", "--prompt", "--question"), ("infer", "--model", "--checkpoint"), ("evaluate", "--config", "checkpoint"),
      ("train-stage1", "--lora-rank", "train stage 2"), ("train-stage0", "--vision-weights", "leave it out"),
      ("train-stage1", "--unfreeze_llm", "leave it out"),
    ])
  func foreignNames(program: String, word: String, remedy: String) throws {
    let run = try ProgramRun(program, [word, "8", "--output-dir", "/nowhere/at/all"])
    let name = word.prefix { $0 != "=" }.replacing("_", with: "-")
    #expect(run.exitCode == 64 && run.output.isEmpty)
    #expect(
      run.errors.hasPrefix("error: \(name) is a name of ") || run.errors.hasPrefix("error: \(name) is an option of "),
      "\(run.errors)")
    #expect(run.errors.contains(remedy) && run.errors.contains("no option of \(program)"), "\(run.errors)")
    let help = try ProgramRun(program, ["--help"])
    #expect(!help.output.contains("\(name) ") && !help.output.contains("\(name)\n"), "\(name) is an option")
    // What stands behind a lone -- is no option, and other commands have their own.
    let behind = try ProgramRun(program, ["--", word])
    #expect(!behind.errors.contains("no option of"), "\(behind.errors)")
  }

  @Test(
    "a text that is no value says what the option takes",
    arguments: [
      ("train-stage2", "--lora-rank", "sixteen", "a whole number, at least 1 and at most 65536"),
      ("train-stage2", "--lora-dropout", "5%", "a number from 0 to below 1"),
      ("train-stage1", "--learning_rate", "2e-4x", "a number of at least 0"),
      ("train-stage0", "--chunk-size", "four", "a whole number, at least 1"),
      ("evaluate", "--memory-limit", "8GB", "a number of GiB above 0"),
      ("evaluate", "--batch-size", "16,", "a whole number, at least 1"), ("infer", "--seed", "x", "a whole number"),
      ("infer", "--top-p", "90%", "a number above 0 and up to 1"),
    ])
  func values(program: String, option: String, value: String, expected: String) throws {
    let run = try ProgramRun(
      program,
      ["--train-shards", "x", "--vision-model", "x", "--llm", "x"].filter { _ in program == "train-stage1" }
        + (program == "infer" ? [] : ["--output-dir", "/nowhere/at/all"]) + [option, value])
    let name = option.replacing("_", with: "-")
    #expect(run.exitCode == 64 && run.output.isEmpty)
    #expect(
      run.errors.contains("error: \(name) cannot be used; expected \(expected), found \(value)."), "\(run.errors)")
  }

  @Test(
    "a word that belongs to no option is refused with what stands before it and how lists, blanks and switches are written",
    arguments: [
      ("train-stage2", ["--lora-targets", "q_proj,", "v_proj"], "v_proj", "--lora-targets q_proj,"),
      ("train-stage2", ["--eval-every", "100", "steps"], "steps", "--eval-every 100"),
      ("train-stage1", ["--download", "google/gemma-3-1b-pt"], "google/gemma-3-1b-pt", "--download"),
      ("evaluate", ["--arms", "true", "shuffled"], "shuffled", "--arms true"),
    ])
  func strayWords(program: String, words: [String], stray: String, before: String) throws {
    let run = try ProgramRun(
      program,
      ["--train-shards", "x", "--vision-model", "x", "--llm", "x"].filter { _ in program.hasPrefix("train") } + words
        + ["--output-dir", "/nowhere/at/all"])
    #expect(run.exitCode == 64 && run.output.isEmpty)
    #expect(run.errors.contains("error: the argument \"\(stray)\" belongs to no option"), "\(run.errors)")
    #expect(run.errors.contains("behind \(before).") && run.errors.contains("commas without blanks"), "\(run.errors)")
  }
}
