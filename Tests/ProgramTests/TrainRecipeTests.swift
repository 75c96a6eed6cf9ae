import Carina
import Foundation
import TestSupport
import Testing

@Suite("Training programs, recipes") struct TrainRecipeTests {
  private let world: TrainingWorld
  private let run: TrainingOutput
  private static let short = ["--batch-size", "2", "--gradient-accumulation-steps", "1", "--max-steps", "3"]

  init() throws {
    world = try TrainingWorld.shared()
    run = try TrainingOutput()
  }

  private func header(_ errors: String, _ name: String) -> [String] {
    errors.split(separator: "\n").filter { $0.hasPrefix("  \(name) ") }.map {
      $0.dropFirst(name.count + 2).trimmingCharacters(in: .whitespaces)
    }
  }

  @Test("the header has a line a component, the tokens and what is cut; the log has the norms, TensorBoard too")
  func components() throws {
    let result = try world.train(
      stage: 2, output: run.path,
      Self.short + [
        "--unfreeze-projection-layer", "--train-ve-first-epoch", "--projector-lr", "5e-3", "--vision-lr", "1e-4",
        "--num-epochs", "2", "--max-q-len", "3", "--tensorboard", "--weight-decay", "0.1",
      ])
    #expect(result.exitCode == 0, "\(result.errors)")
    let rows = header(result.errors, "component")
    #expect(rows.count == 3)
    for (row, words) in zip(
      rows,
      [
        ["vision encoder", "trained in epoch 1 of 2", "float32", "rate 0.0001", "decay 0.1"],
        ["projector", "trained ", "rate 0.005", "decay 0.1"], ["language model", "trained ", "rate 0.001"],
      ])
    {
      for word in words { #expect(row.contains(word), "\(row) \(word)") }
    }
    #expect(header(result.errors, "tokens").first?.contains("positions an epoch") == true)
    let cut = try #require(header(result.errors, "cut").first)
    #expect(cut.contains("questions at 3 tokens, 0 answers at 512") && !cut.hasPrefix("0 "), "\(cut)")
    for step in try run.steps() {
      let norms = try #require(step["grad_norms"]?.object)
      #expect(norms.map { $0.key } == ["vision_encoder", "projector", "language_model"])
      let sum = norms.reduce(0) { $0 + ($1.value.double ?? 0) * ($1.value.double ?? 0) }
      expectClose([sum.squareRoot()], [try #require(step["grad_norm"]?.double)], relative: 1e-9)
    }
    let events = try FileManager.default.contentsOfDirectory(atPath: run.file("tensorboard"))
    let bytes = try Data(contentsOf: URL(fileURLWithPath: run.file("tensorboard/\(events[0])")))
    #expect(bytes.range(of: Data("gradient_norm/projector".utf8)) != nil)
    let record = try JSONValue.parseFile(run.file("run.json"))["configuration"]?["settings"]
    #expect(record?["projector_lr"]?.double == 5e-3 && record?["vision_lr"]?.double == 1e-4)
  }

  @Test("a component with the rate 0 is frozen to the bit")
  func frozen() throws {
    let result = try world.train(
      stage: 2, output: run.path,
      Self.short + ["--unfreeze-projection-layer", "--train-ve-first-epoch", "--projector-lr", "0", "--vision-lr", "0"])
    #expect(result.exitCode == 0, "\(result.errors)")
    #expect(header(result.errors, "component").filter { $0.contains("frozen") }.count == 2)
    let (differing, _) = try TrainingOutput.differingTensors(run.file("final_model/projection_layer"), world.projector)
    #expect(differing.isEmpty && !run.has("final_model/vision_encoder"))
    let other = try TrainingOutput()
    let refused = try world.train(stage: 2, output: other.path, Self.short + ["--projector-lr", "1e-3"])
    #expect(refused.exitCode == 64 && refused.errors.contains("--unfreeze-projection-layer"), "\(refused.errors)")
  }

  @Test("loss on prompt and answer, smoothed labels and batches of like lengths are other numbers, resumed as any")
  func knobs() throws {
    let options = Self.short + ["--save-every-n-steps", "1"]
    let plain = try TrainingOutput()
    #expect(try world.train(stage: 2, output: plain.path, options).exitCode == 0)
    var losses = [try plain.losses()]
    for extra in [["--supervise", "all"], ["--label-smoothing", "0.1"], ["--length-bucketing"]] {
      let smooth = try TrainingOutput(), result = try world.train(stage: 2, output: smooth.path, options + extra)
      #expect(result.exitCode == 0, "\(result.errors)")
      #expect(try !losses.contains(smooth.losses()), "\(extra)")
      losses.append(try smooth.losses())
      // What a death after the second checkpoint leaves.
      let torn = try TrainingOutput()
      try FileManager.default.copyItem(atPath: smooth.path, toPath: torn.path)
      for name in ["final_model", "checkpoints/step-3"] { try FileManager.default.removeItem(atPath: torn.file(name)) }
      #expect(try world.train(stage: 2, output: torn.path, options + extra).exitCode == 0)
      #expect(try torn.bytes(under: "final_model") == smooth.bytes(under: "final_model"))
      #expect(try torn.numbers() == smooth.numbers())
      let other = try world.train(stage: 2, output: torn.path, options)
      #expect(other.exitCode == 64 && other.errors.contains("--resume-anyway"), "\(other.errors)")
    }
  }

  @Test("--supervise all shows what is predicted")
  func dump() throws {
    let result = try world.train(
      stage: 2, output: run.path, ["--supervise", "all", "--no-shuffle", "--dry-run", "--dump-tokens", "1"])
    #expect(result.exitCode == 0, "\(result.errors)")
    let lines = result.output.split(separator: "\n").dropFirst().map { $0.split(separator: " ") }
    #expect(lines.first?[2] != "*")
    #expect(lines.dropFirst().filter { $0[1] != "image" }.allSatisfy { $0[2] == "*" }, "\(result.output)")
  }

  @Test(
    "a preset is its published values, shown with their source; what is given counts instead",
    arguments: [
      (
        1, "llava-1.5", ["--learning-rate=1e-3", "--weight-decay=0.0", "--warmup-ratio=0.03", "--num-epochs=1"],
        "haotian-liu/LLaVA"
      ),
      (1, "llava-rad", ["--max-grad-norm=1.0", "--lr-schedule=cosine"], "microsoft/LLaVA-Rad"),
      (1, "projection-trainer", ["--max-grad-norm=5.0", "--num-epochs=10"], "SabaPivot/ProjectionTrainer"),
      (2, "llava-1.5", ["--weight-decay=0.0", "--warmup-ratio=0.03", "--num-epochs=1"], "scripts/v1_5"),
      (2, "llava-rad", ["--lora-rank=64", "--lora-alpha=128.0", "--lora-lr=0.0001", "--num-epochs=3"], "scripts"),
      (2, "projection-trainer", ["--lora-rank=16", "--lora-alpha=32.0", "--lora-dropout=0.05"], "Stage2"),
      (
        2, "medgemma-lora", ["--supervise=all", "--lr-schedule=linear", "--max-grad-norm=0.3", "--lora-vision=true"],
        "medgemma"
      ),
    ])
  func presets(stage: Int, name: String, values: [String], source: String) throws {
    // The world's own options are given, among them the rate.
    let projector = stage == 1 ? ["--projector", "mlp"] : []
    let result = try world.train(
      stage: stage, output: run.path,
      ["--presets", name, "--batch-size", "3", "--gradient-accumulation-steps", "1", "--dry-run"] + projector)
    #expect(result.exitCode == 0, "\(result.errors)")
    #expect(result.errors.contains("note: the preset \(name) stands for: ") && result.errors.contains(source))
    for value in values where !value.contains("learning-rate") {
      let parts = value.dropFirst(2).split(separator: "=").map(String.init)
      #expect(header(result.errors, parts[0]) == [parts[1]], "\(value)")
    }
    #expect(header(result.errors, "batch-size") == ["3 × 1"] && header(result.errors, "learning-rate") == ["0.001"])
    let help = try ProgramRun("train-stage\(stage)", ["--help"]).output.split { $0.isWhitespace }.joined(separator: " ")
    #expect(help.contains("--presets <name>") && help.contains(source), "\(help)")
  }

  @Test("a preset that is not known, or is of another stage, is refused; who trains all weights gets no adapters")
  func presetRefusals() throws {
    let unknown = try world.train(stage: 2, output: run.path, ["--presets", "llava"])
    #expect(unknown.exitCode == 64 && unknown.errors.contains("llava-rad"), "\(unknown.errors)")
    let other = try world.train(stage: 1, output: run.path, ["--presets", "medgemma-lora"])
    #expect(other.exitCode == 64 && other.errors.contains("has nothing for train-stage1"), "\(other.errors)")
    let whole = try world.train(stage: 2, output: run.path, ["--presets=llava-rad", "--unfreeze-llm", "--dry-run"])
    #expect(whole.exitCode == 0 && header(whole.errors, "trains") == ["projector, language model"], "\(whole.errors)")
    #expect(!FileManager.default.fileExists(atPath: run.path))
  }

  @Test("a run is repeated from its record, with the same bytes; its record repeats it again")
  func config() throws {
    let first = try world.train(
      stage: 2, output: run.path, Self.short + ["--presets", "projection-trainer", "--unfreeze-llm", "--seed", "7"])
    #expect(first.exitCode == 0, "\(first.errors)")
    let again = try TrainingOutput(), third = try TrainingOutput()
    let repeated = try ProgramRun("train-stage2", ["--config", run.file("run.json"), "--output-dir", again.path])
    #expect(repeated.exitCode == 0 && repeated.errors.contains("stands for: "), "\(repeated.errors)")
    #expect(try again.bytes(under: "final_model") == run.bytes(under: "final_model"))
    #expect(try again.numbers() == run.numbers())
    #expect(
      try JSONValue.parseFile(again.file("run.json"))["configuration"]
        == JSONValue.parseFile(run.file("run.json"))["configuration"])
    // What is given counts instead, and the difference is told; a directory stands for its record.
    let changed = try ProgramRun(
      "train-stage2", ["--config=\(again.path)", "--output-dir", third.path, "--seed", "8", "--max-steps", "2"])
    #expect(changed.exitCode == 0, "\(changed.errors)")
    #expect(changed.errors.contains("settings.seed was \"7\", is \"8\""), "\(changed.errors)")
    #expect(try third.steps().count == 2)
    // Interrupted and gone on with by the same command.
    try FileManager.default.removeItem(atPath: again.file("final_model"))
    #expect(try ProgramRun("train-stage2", ["--config", run.path, "--output-dir", again.path]).exitCode == 0)
    #expect(try again.bytes(under: "final_model") == run.bytes(under: "final_model"))
  }

  @Test("other data or weights than were recorded are refused unless told, and so is another program's record")
  func configRefusals() throws {
    let first = try world.train(stage: 2, output: run.path, Self.short)
    #expect(first.exitCode == 0, "\(first.errors)")
    let again = try TrainingOutput()
    let config = ["--config", run.file("run.json"), "--output-dir", again.path]
    let data = try ProgramRun("train-stage2", config + ["--train-shards", world.heldOut])
    #expect(data.exitCode == 65 && data.errors.contains("data.shards was"), "\(data.errors)")
    #expect(data.errors.contains("--config-anyway") && !FileManager.default.fileExists(atPath: again.path))
    let told = try ProgramRun("train-stage2", config + ["--train-shards", world.heldOut, "--config-anyway"])
    #expect(told.exitCode == 0 && told.errors.contains("data.shards was"), "\(told.errors)")
    let program = try ProgramRun("train-stage1", config)
    #expect(program.exitCode == 64 && program.errors.contains("train-stage2"), "\(program.errors)")
    let nothing = try ProgramRun("train-stage2", ["--config", run.file("no.json"), "--output-dir", again.path])
    #expect(nothing.exitCode == 66, "\(nothing.errors)")
    let log = try ProgramRun(
      "train-stage2", ["--config", world.file("archive/stage2_train.json"), "--output-dir", again.path])
    #expect(log.exitCode == 65, "\(log.errors)")
    let nowhere = try ProgramRun("train-stage2", ["--config", run.file("run.json")])
    #expect(nowhere.exitCode == 64 && nowhere.errors.contains("--output-dir"), "\(nowhere.errors)")
  }

  @Test("paths of a record mean what they meant where the run was started")
  func relativePaths() throws {
    let directory = try TemporaryDirectory()
    for (name, source) in [
      ("shards", world.questions), ("v", world.vision), ("l", world.language), ("p", world.projector),
    ] {
      try FileManager.default.createSymbolicLink(atPath: directory.file(name), withDestinationPath: source)
    }
    let first = try ProgramRun(
      "train-stage2",
      [
        "--train-shards", "shards", "--vision-model=v", "--llm_name", "l", "--stage1-projector-path", "p",
        "--output-dir", "run",
      ]
        + Self.short + ["--precision", "fp32", "--threads", "1"], shellPrefix: "cd '\(directory.path)'\n")
    #expect(first.exitCode == 0, "\(first.errors)")
    let again = try ProgramRun("train-stage2", ["--config", directory.file("run"), "--output-dir", run.path])
    #expect(again.exitCode == 0, "\(again.errors)")
    #expect(
      try Data(contentsOf: URL(fileURLWithPath: directory.file("run/final_model/language_model/model.safetensors")))
        == Data(contentsOf: URL(fileURLWithPath: run.file("final_model/language_model/model.safetensors"))))
  }

  @Test("a branch with a changed rate that is killed ends with the bytes of one that was not")
  func killedBranch() throws {
    let options = [
      "--batch-size", "2", "--gradient-accumulation-steps", "2", "--num-epochs", "2", "--save-every-n-steps", "2",
    ]
    let start = try TrainingOutput()
    #expect(try world.train(stage: 2, output: start.path, options).exitCode == 0)
    func branch(_ run: TrainingOutput, prefix: String = "") throws -> ProgramRun {
      if !FileManager.default.fileExists(atPath: run.path) {
        try FileManager.default.copyItem(atPath: start.path, toPath: run.path)
      }
      return try world.train(
        stage: 2, output: run.path,
        options + [
          "--resume", run.file("checkpoints/step-10"), "--resume-anyway", "--lr-schedule", "constant", "--num-epochs",
          "3",
        ],
        shellPrefix: prefix)
    }
    let smooth = try TrainingOutput(), result = try branch(smooth)
    #expect(result.exitCode == 0 && result.errors.contains("from step 10 on the run is a branch"), "\(result.errors)")
    let (killed, _) = try TrainingOutput.stopped(
      by: "KILL", when: { "-e '\($0.file("checkpoints/step-14"))'" }, code: 137
    ) { try branch($0, prefix: $1) }
    #expect(!killed.has("final_model") && killed.has("set_aside/1/final_model"))
    #expect(try branch(killed).exitCode == 0)
    #expect(try killed.bytes(under: "final_model") == smooth.bytes(under: "final_model"))
    #expect(try killed.numbers() == smooth.numbers())
    #expect(try killed.steps().count == 18)
  }
}
