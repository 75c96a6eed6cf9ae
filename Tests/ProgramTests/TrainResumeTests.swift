import Carina
import Foundation
import TestSupport
import Testing

@Suite("Training programs, stopping and going on") struct TrainResumeTests {
  /// Six steps are an epoch; everything that can be trained is.
  private static let options = [
    "--train-ve-first-epoch", "--unfreeze-projection-layer", "--batch-size", "2", "--gradient-accumulation-steps", "2",
    "--num-epochs", "2", "--max-steps", "10", "--save-every-n-steps", "2", "--seed", "5",
  ]

  private let world: TrainingWorld

  init() throws { world = try TrainingWorld.shared() }

  private func train(_ run: TrainingOutput, _ extra: [String] = [], prefix: String = "") throws -> ProgramRun {
    try world.train(stage: 2, output: run.path, Self.options + extra, shellPrefix: prefix)
  }

  /// Runs to the end, without a break.
  private func smooth(_ extra: [String] = []) throws -> TrainingOutput {
    let run = try TrainingOutput(), result = try train(run, extra)
    #expect(result.exitCode == 0, "\(result.errors)")
    #expect(try run.steps().compactMap { $0["epoch"]?.int } == [0, 0, 0, 0, 0, 0, 1, 1, 1, 1])
    return run
  }

  private func expectSame(_ run: TrainingOutput, _ smooth: TrainingOutput) throws {
    #expect(try run.numbers() == smooth.numbers())
    let (found, expected) = (try run.bytes(under: "final_model"), try smooth.bytes(under: "final_model"))
    #expect(found.keys.sorted() == expected.keys.sorted() && found.count > 8)
    for (name, bytes) in expected { #expect(found[name] == bytes, "\(name)") }
    #expect(try run.unfinished().isEmpty)
  }

  @Test(
    "a run that was interrupted, one that was killed and one that was killed between checkpoints end with the bits of a smooth one",
    arguments: ["fp32", "bf16"])
  func resuming(precision: String) throws {
    // In one of the two with images that are changed at random.
    let changes = precision == "bf16" ? ["--augment", "shift:0.1,scale:0.1,contrast:0.2,elastic:0.02"] : []
    let extra = ["--precision", precision] + changes
    let smooth = try smooth(extra)

    let (interrupted, first) = try TrainingOutput.stopped(
      by: "INT", when: { "-s '\($0.file("train_log.jsonl"))'" }, code: 75
    ) { try train($0, extra, prefix: $1) }
    #expect(first.errors.contains("Run the same command again"))
    #expect(!interrupted.has("final_model") && interrupted.has("checkpoints"))
    #expect(try (1..<10).contains(interrupted.steps().count))
    #expect(try interrupted.unfinished().isEmpty)
    #expect(try train(interrupted, extra).exitCode == 0)
    try expectSame(interrupted, smooth)

    let (killed, dead) = try TrainingOutput.stopped(
      by: "KILL", when: { "-e '\($0.file("checkpoints/step-4"))'" }, code: 137
    ) { try train($0, extra, prefix: $1) }
    #expect(!killed.has("final_model"))
    // What a death in the middle of a checkpoint and of a best model leaves.
    for name in ["checkpoints/step-6", "best_model"] {
      try AtomicFile.write("half", to: killed.file("\(name).\(dead.processID).partial/weights"))
    }
    let revived = try train(killed, extra)
    #expect(revived.exitCode == 0)
    #expect(revived.errors.contains("note: \(killed.file("checkpoints/step-6"))"), "\(revived.errors)")
    try expectSame(killed, smooth)

    // What a death in step 10 leaves, in the second epoch: the checkpoint of step 8 and a log that is ahead of it and torn.
    let torn = try TrainingOutput()
    try FileManager.default.copyItem(atPath: smooth.path, toPath: torn.path)
    for name in ["final_model", "checkpoints/step-10"] { try FileManager.default.removeItem(atPath: torn.file(name)) }
    try AtomicFile.write(Data(try torn.log().utf8.dropLast(30)), to: torn.file("train_log.jsonl"))
    let third = try train(torn, extra)
    #expect(third.exitCode == 0, "\(third.errors)")
    try expectSame(torn, smooth)
  }

  @Test("a finished run is left alone, and refuses to be begun again or to be another run")
  func finished() throws {
    let run = try smooth()
    func state() throws -> [String: Data] { try run.bytes(under: "") }
    let before = try state()
    let never = try train(run, ["--resume", "never"])
    #expect(never.exitCode == 64 && never.errors.contains("--resume is never"), "\(never.errors)")
    #expect(never.errors.contains("--output-dir"))
    let other = try train(run, ["--learning-rate", "2e-3", "--batch-size", "4"])
    #expect(other.exitCode == 64, "\(other.errors)")
    for text in ["settings.learning_rate was 0.001, is 0.002", "settings.batch_size was 2, is 4", run.path] {
      #expect(other.errors.contains(text), "\(other.errors)")
    }
    let again = try train(run)
    #expect(again.exitCode == 0 && again.output.contains("already done"), "\(again.errors)")
    #expect(try state() == before)
  }

  @Test("an unfinished run refuses another configuration and keeps its log")
  func unfinished() throws {
    let (run, _) = try TrainingOutput.stopped(
      by: "KILL", when: { "-e '\($0.file("checkpoints/step-2"))'" }, code: 137
    ) { try train($0, prefix: $1) }
    let log = try run.log()
    #expect(!log.isEmpty)
    let other = try train(run, ["--seed", "6", "--weight-decay", "0.5", "--train-shards", world.heldOut])
    #expect(other.exitCode == 64, "\(other.errors)")
    for text in ["settings.seed was \"5\", is \"6\"", "settings.weight_decay was 0.01, is 0.5", "data.shards"] {
      #expect(other.errors.contains(text), "\(other.errors)")
    }
    let never = try train(run, ["--resume", "never"])
    #expect(never.exitCode == 64, "\(never.errors)")
    #expect(try run.log() == log)
    let nowhere = try train(run, ["--resume", run.file("checkpoints/step-77")])
    #expect(nowhere.exitCode == 66 && nowhere.errors.contains("step-77"), "\(nowhere.errors)")
    let word = try train(run, ["--resume", "yes"])
    #expect(word.exitCode == 66 && word.errors.contains("yes: --resume names no checkpoint"), "\(word.errors)")
    #expect(word.errors.contains("auto, never, or the directory"), "\(word.errors)")
    #expect(try run.log() == log)
  }

  @Test("stage 0 goes on after a kill in its second part and ends with the bits of a smooth one")
  func backbones() throws {
    func train(_ run: TrainingOutput, prefix: String = "") throws -> ProgramRun {
      try ProgramRun(
        "train-stage0",
        [
          "--train-shards", world.captions, "--text-shards", world.questions, "--output-dir", run.path,
          "--vocabulary-size", "320", "--patch-size", "16", "--vision-width", "16", "--vision-layers", "1",
          "--vision-heads", "2", "--text-layers", "1", "--decoder-width", "16", "--decoder-layers", "2",
          "--decoder-heads", "2", "--key-value-heads", "1", "--vision-batch-size", "6", "--vision-epochs", "2",
          "--language-batch-size", "4", "--language-epochs", "1", "--save-every-n-steps", "2", "--threads", "1",
        ], shellPrefix: prefix)
    }
    let smooth = try TrainingOutput()
    #expect(try train(smooth).exitCode == 0)
    let (killed, _) = try TrainingOutput.stopped(
      by: "KILL", when: { "-e '\($0.file("language/checkpoints/step-2"))'" }, code: 137
    ) { try train($0, prefix: $1) }
    #expect(killed.has("vision/final_model") && !killed.has("language/final_model"))
    #expect(try train(killed).exitCode == 0)
    for part in ["vision/final_model", "language/final_model", "tokenizer"] {
      #expect(try killed.bytes(under: part) == smooth.bytes(under: part), "\(part)")
    }
  }
}
