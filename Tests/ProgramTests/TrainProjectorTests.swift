import Carina
import Foundation
import TestSupport
import Testing

/// The encoder of these runs has 2 × 2 patches of 16 numbers, the decoder a width of 24.
@Suite("Training programs, forms of the projector") struct TrainProjectorTests {
  private let world: TrainingWorld

  init() throws { world = try TrainingWorld.shared() }

  /// Runs `train-stage1` with a fresh projector.
  private func fresh(_ run: TrainingOutput, _ extra: [String], prefix: String = "") throws -> ProgramRun {
    try ProgramRun(
      "train-stage1",
      [
        "--train-shards", world.captions, "--vision-model", world.vision, "--llm", world.language, "--output-dir",
        run.path, "--precision", "fp32", "--threads", "1", "--learning-rate", "1e-2", "--seed", "3",
      ] + extra, shellPrefix: prefix)
  }

  private func recorded(_ run: TrainingOutput) throws -> JSONValue? {
    try JSONValue.parseFile(run.file("run.json"))["configuration"]?["projector"]
  }

  @Test(
    "each form is trained, recorded, tuned further in stage 2, scored and asked",
    arguments: [
      (["--projector-hidden", "20"], "mlp, 16 → 20 → 24", nil, 4),
      (["--projector", "mlp2x"], "mlp2x, 16 → 24 → 24", ["form": "mlp2x"], 4),
      (
        ["--pool", "2", "--projector-hidden", "20"], "mlp, 16 → 20 → 24, 4 patches averaged to 1 rows", ["pool": 2], 1
      ),
      (
        ["--projector", "gemma3", "--image-tokens", "4"], "gemma3, 16 → 24, 4 patches averaged to 4 rows",
        ["form": "gemma3", "mm_tokens_per_image": 4], 4
      ),
    ] as [([String], String, JSONValue?, Int)])
  func chain(options: [String], summary: String, record: JSONValue?, rows: Int) throws {
    let first = try TrainingOutput()
    let trained = try fresh(first, options + ["--max-steps", "3"])
    #expect(trained.exitCode == 0, "\(trained.errors)")
    #expect(trained.errors.contains("  \(summary)\n"), "\(trained.errors)")
    #expect(try recorded(first) == record)
    let layer = first.file("final_model/projection_layer")
    let model = try AnsweringModel.load(checkpoint: first.file("final_model"), precision: .float32).model
    #expect(model.projector.summary == summary && model.rowsPerImage == rows)
    #expect(model.imageAttention == (options.contains("gemma3") ? .mutual : .causal))
    let again = try fresh(first, options + ["--max-steps", "3"])
    #expect(again.exitCode == 0 && again.output.contains("already done"), "\(again.errors)")

    let second = try TrainingOutput()
    let tuned = try world.train(
      stage: 2, output: second.path,
      ["--stage1-projector-path", layer, "--unfreeze-projection-layer", "--train-ve-first-epoch", "--max-steps", "2"]
        + options)
    #expect(tuned.exitCode == 0, "\(tuned.errors)")
    #expect(tuned.errors.contains("  \(summary)\n"), "\(tuned.errors)")
    let (differing, all) = try TrainingOutput.differingTensors(
      layer, second.file("final_model/projection_layer"))
    #expect(differing == all && all.count == (options.contains("gemma3") ? 2 : 4))

    let scores = try ProgramRun(
      "evaluate",
      [
        "--checkpoint", second.file("final_model"), "--shards", world.questions, "--output-dir", second.file("scores"),
        "--precision", "fp32", "--max-new-tokens", "3", "--bootstrap", "0", "--limit", "4", "--likelihood",
      ])
    #expect(scores.exitCode == 0 && scores.errors.contains("  \(summary)\n"), "\(scores.errors)")
    let images = try FileManager.default.contentsOfDirectory(atPath: "\(world.archive)/images").sorted()
    let asked = try ProgramRun(
      "infer",
      [
        "--vision-model", world.vision, "--llm-path", world.language, "--projector-path", layer, "--question", "Where?",
        "--max-new-tokens", "3", "--precision", "fp32", "--image-path",
        "\(world.archive)/images/\(try #require(images.first))",
      ])
    #expect(asked.exitCode == 0, "\(asked.errors)")
  }

  @Test("from a projector of Gemma 3's form stage 1 goes on; a killed run ends in the bytes of an undisturbed one")
  func resuming() throws {
    let start = try TrainingOutput()
    #expect(try fresh(start, ["--projector", "gemma3", "--image-tokens", "1", "--max-steps", "1"]).exitCode == 0)
    let options = [
      "--init-projector", start.path, "--projector", "gemma3", "--max-steps", "6", "--save-every-n-steps", "2",
    ]
    let smooth = try TrainingOutput(), whole = try fresh(smooth, options)
    #expect(whole.exitCode == 0 && whole.errors.contains("gemma3, 16 → 24, 4 patches averaged to 1 rows"))
    #expect(try recorded(smooth) == ["form": "gemma3", "mm_tokens_per_image": 1])
    let (killed, _) = try TrainingOutput.stopped(
      by: "KILL", when: { "-e '\($0.file("checkpoints/step-2"))'" }, code: 137
    ) { try fresh($0, options, prefix: $1) }
    // What is asked of a projector that is given decides no number: it may be left out.
    let resumed = try fresh(killed, options.filter { $0 != "--projector" && $0 != "gemma3" })
    #expect(resumed.exitCode == 0, "\(resumed.errors)")
    #expect(try killed.bytes(under: "final_model") == smooth.bytes(under: "final_model"))
    #expect(try killed.numbers() == smooth.numbers())
  }

  @Test("a run of another form or pooling is not gone on with, and says what differs")
  func otherForm() throws {
    let run = try TrainingOutput(), base = ["--projector", "gemma3", "--max-steps", "1", "--image-tokens"]
    #expect(try fresh(run, base + ["4"]).exitCode == 0)
    let tokens = try fresh(run, base + ["1"])
    #expect(tokens.exitCode == 64, "\(tokens.errors)")
    #expect(tokens.errors.contains("projector.mm_tokens_per_image was 4, is 1"), "\(tokens.errors)")
    let form = try fresh(run, ["--max-steps", "1"])
    #expect(form.exitCode == 64 && form.errors.contains("projector was {"), "\(form.errors)")
    #expect(form.errors.contains("is null"), "\(form.errors)")
  }

  @Test("features that are kept serve every form", arguments: [["--pool", "2"], ["--projector", "gemma3"]])
  func keptFeatures(options: [String]) throws {
    let options = options + (options.contains("gemma3") ? ["--image-tokens", "1"] : []) + ["--num-epochs", "2"]
    for (precision, tolerance) in [("fp32", 1e-5), ("bf16", 1e-2)] {
      let plain = try TrainingOutput(), kept = try TrainingOutput()
      let extra = options + ["--precision", precision]
      #expect(try fresh(plain, extra).exitCode == 0)
      let run = try fresh(kept, extra + ["--cache-vision-features", kept.directory.file("features.h5")])
      #expect(run.exitCode == 0, "\(run.errors)")
      expectClose(try kept.losses(), try plain.losses(), relative: tolerance, scale: .element, precision)
    }
  }

  @Test("sizes that a form or the encoder does not have, and a projector of another form, are refused by name")
  func refused() throws {
    for (options, code, words) in [
      (["--projector", "mlp3x"], 64, ["mlp3x", "mlp2x"]),
      (["--projector", "mlp2x", "--projector-hidden", "9"], 64, ["--projector-hidden and --projector mlp2x"]),
      (["--projector", "gemma3", "--projector-hidden", "9"], 64, ["--projector-hidden and --projector gemma3"]),
      (["--projector", "gemma3", "--pool", "2"], 64, ["--pool and --projector gemma3", "--image-tokens"]),
      (["--image-tokens", "4"], 64, ["--image-tokens and --projector mlp", "--pool"]),
      (["--projector", "gemma3"], 64, ["--image-tokens has to be said", "1, 4 of 2 × 2 patches"]),
      (["--projector", "gemma3", "--image-tokens", "9"], 64, ["--image-tokens does not divide", "found 9"]),
      (["--pool", "3"], 64, ["--pool does not divide", "a divisor of 2"]),
      (["--pool", "0"], 64, ["--pool", "at least 1"]),
      (["--pool", "2", "--drop-first-patch"], 64, ["--pool and --drop-first-patch"]),
      (["--projector", "gemma3", "--drop-first-patch"], 64, ["--projector and --drop-first-patch"]),
      (
        ["--init-projector", world.projector, "--projector", "gemma3"], 64,
        [world.projector, "not the one of --projector", "expected gemma3", "mlp, 16 → 32 → 24"]
      ),
      (
        ["--init-projector", world.projector, "--projector-hidden", "9"], 64,
        [world.projector, "not the one of --projector-hidden", "expected 9, found 32"]
      ),
      (["--init-projector", world.projector, "--pool", "2"], 64, ["not the one of --pool", "found 1"]),
    ] as [([String], Int, [String])] {
      let run = try TrainingOutput(), result = try fresh(run, ["--max-steps", "1"] + options)
      #expect(result.exitCode == code, "\(options): \(result.errors)")
      for word in words { #expect(result.errors.contains(word), "\(word) in: \(result.errors)") }
      #expect(!run.has("run.json") && !run.has("final_model"))
    }
    // One for another grid, of a size that no memory holds.
    let elsewhere = try TemporaryDirectory()
    let config: JSONValue = [
      "model_type": "carina_pooled_mlp_projector", "hidden_act": "gelu", "input_size": 16, "hidden_size": 32,
      "output_size": 24, "grid_size": 16_777_216, "pool": 1,
    ]
    try AtomicFile.write(config.serialized(), to: elsewhere.file("projector_config.json"))
    try FileManager.default.copyItem(
      atPath: world.projector + "/model.safetensors", toPath: elsewhere.file("model.safetensors"))
    let stage2 = try TrainingOutput()
    let grid = try world.train(stage: 2, output: stage2.path, ["--stage1-projector-path", elsewhere.path])
    #expect(grid.exitCode == 65, "\(grid.errors)")
    #expect(grid.errors.contains("expected 16777216 patches along a side, found 2"), "\(grid.errors)")
    let other = try world.train(stage: 2, output: stage2.path, ["--projector", "mlp2x"])
    #expect(other.exitCode == 64 && other.errors.contains("not the one of --projector"), "\(other.errors)")
    #expect(!stage2.has("run.json"))
  }

  @Test("the forecast of memory is near the measured peak for each form", arguments: ["fp32", "bf16"])
  func memory(precision: String) throws {
    for options in [["--projector", "mlp2x"], ["--pool", "2"], ["--projector", "gemma3", "--image-tokens", "1"]] {
      let run = try TrainingOutput()
      let result = try fresh(
        run,
        options + [
          "--batch-size", "12", "--gradient-accumulation-steps", "1", "--max-steps", "2", "--precision", precision,
        ])
      #expect(result.exitCode == 0, "\(result.errors)")
      let line = try #require(result.errors.split(separator: "\n").first { $0.hasPrefix("memory: ") })
      let numbers = try line.matches(of: /([0-9.]+) (KiB|MiB)/).map { match in
        try #require(Double(match.1)) * (match.2 == "MiB" ? 1024 : 1)
      }
      try #require(numbers.count == 4, "\(line)")
      #expect(abs(numbers[1] / numbers[0] - 1) < 0.25, "\(options) all: \(line)")
      #expect(abs(numbers[3] / numbers[2] - 1) < 0.15, "\(options) buffers: \(line)")
    }
  }
}
