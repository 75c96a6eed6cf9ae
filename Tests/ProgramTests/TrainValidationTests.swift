import Carina
import Foundation
import TestSupport
import Testing

@Suite("Training programs, validation and what shows a run") struct TrainValidationTests {
  /// Six steps are an epoch.
  private static let options = [
    "--unfreeze-projection-layer", "--batch-size", "2", "--gradient-accumulation-steps", "2", "--num-epochs", "2",
    "--max-steps", "10", "--save-every-n-steps", "2", "--seed", "5",
  ]

  private let world: TrainingWorld

  init() throws { world = try TrainingWorld.shared() }

  private var validated: [String] {
    Self.options + [
      "--val-shards", world.heldOutImages, "--eval-every", "3", "--eval-samples", "2", "--eval-max-new-tokens", "6",
    ]
  }

  private func train(_ run: TrainingOutput, _ options: [String], prefix: String = "") throws -> ProgramRun {
    try world.train(stage: 2, output: run.path, options, shellPrefix: prefix)
  }

  private func smooth(_ options: [String]) throws -> (output: TrainingOutput, run: ProgramRun) {
    let output = try TrainingOutput(), result = try train(output, options)
    #expect(result.exitCode == 0, "\(result.errors)")
    return (output, result)
  }

  private func validations(_ run: TrainingOutput) throws -> [JSONValue] {
    try run.steps().filter { $0["kind"]?.string == "validation" }
  }

  @Test("the last validation has the losses, the accuracy and the answers of evaluate, and no weight depends on it")
  func values() throws {
    let (run, result) = try smooth(validated + ["--standalone"])
    let own = try validations(run)
    #expect(own.compactMap { $0["step"]?.int } == [3, 6, 9, 10])
    let (plain, _) = try smooth(Self.options + ["--standalone"])
    #expect(try run.bytes(under: "final_model") == plain.bytes(under: "final_model"))
    #expect(try !run.bytes(under: "best_model").isEmpty && !plain.has("best_model") && !plain.has("validation.jsonl"))

    let scored = try TrainingOutput()
    let evaluated = try ProgramRun(
      "evaluate",
      [
        "--checkpoint", run.file("final_model"), "--shards", world.heldOutImages, "--output-dir", scored.path,
        "--arms", "true,shuffled,blank", "--likelihood", "--precision", "fp32", "--batch-size", "2", "--seed", "5",
        "--max-new-tokens", "6", "--bootstrap", "0", "--threads", "1",
      ])
    #expect(evaluated.exitCode == 0, "\(evaluated.errors)")
    let last = try #require(own.last)
    func answers(_ name: String) throws -> [JSONValue] {
      try String(contentsOfFile: scored.file(name), encoding: .utf8).split(separator: "\n").map {
        try JSONValue.parse(String($0), source: name)
      }
    }
    for (key, name) in [
      ("validation_loss", "predictions.jsonl"), ("validation_loss_shuffled", "predictions-shuffled.jsonl"),
      ("validation_loss_blank", "predictions-blank.jsonl"),
    ] {
      let lines = try answers(name)
      let sum = lines.reduce(0) { $0 + ($1["nll"]?.double ?? .nan) }
      let tokens = lines.reduce(0) { $0 + ($1["tokens"]?.int ?? 0) }
      let found = try #require(last[key]?.double)
      #expect(abs(found - sum / Double(tokens)) < 1e-6 * found && tokens == last["validation_tokens"]?.int, "\(key)")
    }
    let gap = try #require(last["image_gap"]?.double)
    #expect(gap == (last["validation_loss_shuffled"]?.double ?? 0) - (last["validation_loss"]?.double ?? 0))
    let metrics = try JSONValue.parseFile(scored.file("metrics.json"))["metrics"]?["closed-accuracy"]
    #expect(last["closed_accuracy"]?.double == metrics?["value"]?.double && last["closed_questions"] == metrics?["n"])
    #expect(last["closed_accuracy"] != nil)

    let shown = try ValidationAnswersFile.read(directory: run.path)
    #expect(shown.map(\.step) == [3, 3, 6, 6, 9, 9, 10, 10])
    let predictions = try answers("predictions.jsonl")
    for answer in shown.suffix(2) {
      let line = try #require(predictions.first { $0["id"]?.string == answer.id })
      #expect(line["prediction"]?.string == answer.answer && line["reference"]?.string == answer.reference)
      #expect(line["question"]?.string == answer.question)
    }
    #expect(result.errors.contains("train-stage2: after step 9: held-out loss"), "\(result.errors)")
    #expect(result.errors.contains("closed questions right"), "\(result.errors)")
  }

  @Test("adapters, kept features and a limit on the samples are validated too; the loss is that of a run with it alone")
  func otherRuns() throws {
    let cache = try TemporaryDirectory()
    let options = [
      "--batch-size", "4", "--max-steps", "4", "--lora-rank", "2", "--lora-dropout", "0.2", "--val-shards",
      world.heldOut, "--cache-vision-features", cache.file("features.h5"),
    ]
    let (alone, _) = try smooth(options)
    let (run, _) = try smooth(options + ["--eval-every", "epoch"])
    let last = try #require(validations(run).last)
    // These are all of one image.
    #expect(last["step"]?.int == 4 && last["validation_loss_shuffled"] == nil && last["validation_loss_blank"] != nil)
    #expect(try last["validation_loss"] == alone.steps().last?["validation_loss"])
    #expect(try run.bytes(under: "final_model") == alone.bytes(under: "final_model"))
    let (limited, _) = try smooth(options + ["--eval-every", "4", "--eval-limit", "2", "--eval-samples", "0"])
    #expect(try validations(limited).last?["samples"]?.int == 2)
    #expect(try ValidationAnswersFile.read(directory: limited.path).isEmpty)
  }

  @Test("a run that is killed or interrupted goes on to the bytes of a smooth one, validations and answers too")
  func resuming() throws {
    let options = validated + ["--early-stopping", "4", "--best-metric", "image-gap"]
    let (smooth, _) = try smooth(options)
    func expectSame(_ run: TrainingOutput) throws {
      #expect(try run.numbers() == smooth.numbers())
      for name in ["final_model", "best_model"] { #expect(try run.bytes(under: name) == smooth.bytes(under: name)) }
      #expect(try run.bytes(under: "")["validation.jsonl"] == smooth.bytes(under: "")["validation.jsonl"])
    }
    let (interrupted, _) = try TrainingOutput.stopped(
      by: "INT", when: { "-s '\($0.file("validation.jsonl"))'" }, code: 75
    ) { try train($0, options, prefix: $1) }
    #expect(try train(interrupted, options).exitCode == 0)
    try expectSame(interrupted)
    for file in ["validation.jsonl", "checkpoints/step-4", "checkpoints/step-8"] {
      let (killed, _) = try TrainingOutput.stopped(
        by: "KILL", when: { "\(file == "validation.jsonl" ? "-s" : "-e") '\($0.file(file))'" }, code: 137
      ) { try train($0, options, prefix: $1) }
      if killed.has("checkpoints") {
        let other = try train(killed, options + ["--eval-every", "5"])
        #expect(other.exitCode == 64 && other.errors.contains("validation.eval_every was \"3\", is \"5\""))
      }
      #expect(try train(killed, options).exitCode == 0)
      try expectSame(killed)
    }
  }

  @Test("a run ends early and says so")
  func earlyStopping() throws {
    let (run, result) = try smooth(
      validated + ["--early-stopping", "1", "--early-stopping-delta", "100", "--eval-every", "2"])
    #expect(try validations(run).compactMap { $0["step"]?.int } == [2, 4])
    #expect(result.errors.contains("stopped early after step 4 of 10") && result.output.contains("4 steps done"))
    let again = try train(
      run, validated + ["--early-stopping", "1", "--early-stopping-delta", "100", "--eval-every", "2"])
    #expect(again.exitCode == 0 && again.output.contains("already done"))
  }

  @Test(
    "settings of validation that cannot be used are refused before anything is written",
    arguments: [
      (["--eval-every", "3"], "--val-shards"), (["--early-stopping", "2"], "--val-shards"),
      (["--best-metric", "image-gap", "--val-shards", "HELD"], "--eval-every"),
      (["--eval-every", "often", "--val-shards", "HELD"], "a number of optimizer steps, or epoch"),
      (["--eval-samples", "-1", "--val-shards", "HELD", "--eval-every", "2"], "at least 0"),
      (["--early-stopping-delta", "1", "--val-shards", "HELD"], "--early-stopping"),
      (["--wandb-project", "a/b"], "--wandb-project"),
    ])
  func refusals(options: [String], words: String) throws {
    let run = try TrainingOutput()
    let result = try train(run, options.map { $0 == "HELD" ? world.heldOut : $0 })
    #expect(result.exitCode == 64 && result.errors.contains(words), "\(result.errors)")
    #expect(!FileManager.default.fileExists(atPath: run.path))
  }

  @Test("closed accuracy cannot choose among captions")
  func captions() throws {
    let run = try TrainingOutput()
    let result = try world.train(
      stage: 1, output: run.path,
      ["--val-shards", world.heldOut, "--eval-every", "2", "--best-metric", "closed-accuracy", "--max-steps", "2"])
    // The held-out samples are questions, so this one may train.
    #expect(result.exitCode == 0, "\(result.errors)")
    let archive = try TrainingOutput()
    let disjoint = try world.train(
      stage: 1, output: archive.path,
      [
        "--train-shards", world.heldOut, "--val-shards", world.captions, "--eval-every", "2", "--best-metric",
        "closed-accuracy", "--max-steps", "2",
      ])
    #expect(disjoint.exitCode == 64 && disjoint.errors.contains("CLOSED"), "\(disjoint.errors)")
  }

  @Test("the page shows progress, curves and answers while the run goes, and says how it ended")
  func livePage() throws {
    let options = validated + ["--live-page"]
    let (run, _) = try smooth(options)
    func page(_ run: TrainingOutput) throws -> String {
      try String(contentsOfFile: run.file("live.html"), encoding: .utf8)
    }
    let finished = try page(run)
    #expect(finished.contains("Finished: the final model is written") && !finished.contains("http-equiv"))
    #expect(finished.contains("10 of 10") && finished.contains("<svg") && finished.contains("data:image/png;base64,"))
    #expect(finished.contains("Held-out answers after step 10"))
    for outside in ["src=\"http", "href=\"http", "url(", "<script", "<link", "@import"] {
      #expect(!finished.contains(outside), "\(outside)")
    }
    let (stopped, _) = try TrainingOutput.stopped(
      by: "INT", when: { "-s '\($0.file("live.html"))'" }, code: 75
    ) { try train($0, options, prefix: $1) }
    #expect(try page(stopped).contains("a checkpoint is written") && !page(stopped).contains("http-equiv"))
    #expect(try run.unfinished().isEmpty)
  }

  @Test("without a terminal a progress line comes every so many steps, and says where the run is")
  func progress() throws {
    let (_, result) = try smooth(Self.options + ["--log-every", "4"])
    let lines = result.errors.split(separator: "\n").filter { $0.hasPrefix("train-stage2: epoch") }
    #expect(lines.count == 2, "\(result.errors)")
    let line = try #require(lines.first)
    for words in ["epoch 1/2, step 4/10, loss ", " supervised tokens/s, data wait ", "iB, ", " left"] {
      #expect(line.contains(words), "\(line)")
    }
    #expect(result.errors.contains("train-stage2: step 10/10"), "\(result.errors)")
  }

  @Test("an offline run of Weights & Biases is written beside the log, and TensorBoard's events with pictures")
  func tracking() throws {
    let (run, _) = try smooth(validated + ["--wandb-project", "chest", "--tensorboard"])
    let files = try run.bytes(under: "wandb")
    #expect(files.keys.contains { $0.hasSuffix(".wandb") } && files.keys.contains { $0.hasSuffix("files/config.yaml") })
    let events = try #require(run.bytes(under: "tensorboard").values.first)
    #expect(events.range(of: Data("IHDR".utf8)) != nil && events.range(of: Data("text_summary".utf8)) != nil)
    let (plain, _) = try smooth(validated)
    #expect(try run.numbers() == plain.numbers())
    #expect(try run.bytes(under: "final_model") == plain.bytes(under: "final_model"))
  }

  @Test("answers of before the held-out shards were changed have no pictures where their samples are not there")
  func otherSamples() throws {
    let options = validated + ["--eval-samples", "16", "--tensorboard", "--live-page", "--max-steps", "4"]
    let (run, _) = try smooth(options)
    let before = try ValidationAnswersFile.read(directory: run.path)
    #expect(before.contains { $0.sample > 3 })
    let fewer = try train(run, options + ["--val-shards", world.heldOut, "--max-steps", "6", "--resume-anyway"])
    #expect(fewer.exitCode == 0, "\(fewer.errors)")
    let after = try ValidationAnswersFile.read(directory: run.path)
    #expect(after.prefix(before.count) == before[...] && after.last?.step == 6)
  }

  @Test("curves of runs are drawn from their logs, a file each and a page; what is no run is refused")
  func curves() throws {
    let (run, _) = try smooth(validated)
    let drawn = try TemporaryDirectory()
    let result = try ProgramRun("evaluate", ["--curves", run.path, "--output-dir", drawn.path])
    #expect(result.exitCode == 0, "\(result.errors)")
    let names = try FileManager.default.contentsOfDirectory(atPath: drawn.path)
    for name in ["loss", "validation", "rate", "gradient", "speed", "gap", "accuracy"] {
      #expect(names.contains("run-\(name).svg"), "\(names)")
    }
    let page = try String(contentsOfFile: drawn.file("curves.html"), encoding: .utf8)
    #expect(page.contains("shuffled image") && page.contains("blank image") && page.contains("<svg"))
    let none = try ProgramRun("evaluate", ["--curves", drawn.path, "--output-dir", drawn.file("x")])
    #expect(none.exitCode == 66 && none.errors.contains("train_log.jsonl"), "\(none.errors)")
    let both = try ProgramRun(
      "evaluate", ["--curves", run.path, "--predictions", "p.jsonl", "--output-dir", drawn.file("x")])
    #expect(both.exitCode == 64 && both.errors.contains("--curves stands alone"), "\(both.errors)")
  }
}
