import Carina
import Foundation
import TestSupport
import Testing

@Suite("Training programs, the whole pipeline") struct TrainPipelineTests {
  private static let logKeys: Set<String> = [
    "step", "epoch", "loss", "learning_rate", "grad_norm", "supervised_tokens", "seconds", "data_wait_ms",
  ]

  private func expectLog(_ run: TrainingOutput, steps: Int) throws {
    let lines = try run.steps()
    #expect(lines.compactMap { $0["step"]?.int } == Array(1...steps))
    for line in lines {
      #expect(Self.logKeys.isSubset(of: line.object?.keys ?? []))
      #expect(line["loss"]?.double?.isFinite == true && (line["supervised_tokens"]?.int ?? 0) > 0)
    }
  }

  private func expectRecord(_ run: TrainingOutput, steps: Int) throws {
    let record = try JSONValue.parseFile(run.file("run.json"))
    #expect(record["finished"]?.bool == true && record["steps"]?.int == steps)
    #expect(record["configuration"]?["settings"]?["seed"]?.string == "4")
    #expect(record["environment"]?["carina"]?.string == CarinaVersion.current)
    #expect(record["environment"]?["command"]?.array?.contains("--output-dir") == true)
  }

  @Test("from drawn radiographs over both backbones and the projector to a tuned model that can be asked")
  func pipeline() throws {
    let run = try TrainingOutput(), data = run.directory.file("data")
    let phantom = try ProgramRun(
      "preprocess",
      ["phantom", "--count", "24", "--seed", "2", "--image-size", "48", "--output", data, "--val-fraction", "0.2"])
    #expect(phantom.exitCode == 0, "\(phantom.errors)")

    let stage0 = try ProgramRun(
      "train-stage0",
      [
        "--train-shards", "\(data)/shards/stage1-train", "--text-shards", "\(data)/shards/stage2-train",
        "--output-dir", run.file("stage0"), "--vocabulary-size", "400", "--patch-size", "16", "--vision-width", "16",
        "--vision-layers", "1", "--vision-heads", "2", "--text-layers", "1", "--decoder-width", "16",
        "--decoder-layers", "2", "--decoder-heads", "2", "--key-value-heads", "1", "--vision-batch-size", "8",
        "--vision-epochs", "2", "--language-epochs", "1", "--seed", "4", "--threads", "1",
      ])
    #expect(stage0.exitCode == 0, "\(stage0.errors)")
    #expect(stage0.output.contains("language/final_model"))
    let (vision, language) = (run.file("stage0/vision/final_model"), run.file("stage0/language/final_model"))
    for name in ["config.json", "model.safetensors", "tokenizer.json", "preprocessor_config.json"] {
      #expect(FileManager.default.fileExists(atPath: "\(vision)/\(name)"), "\(name)")
    }
    for name in ["config.json", "model.safetensors", "tokenizer.json", "generation_config.json"] {
      #expect(FileManager.default.fileExists(atPath: "\(language)/\(name)"), "\(name)")
    }

    func train(_ stage: Int, _ extra: [String]) throws -> TrainingOutput {
      let output = try TrainingOutput()
      let result = try ProgramRun(
        "train-stage\(stage)",
        [
          "--train-shards", "\(data)/shards/stage\(stage)-train", "--vision_model", vision, "--llm-name", language,
          "--output-dir", output.path, "--max-steps", "3", "--seed", "4", "--threads", "1",
        ] + extra)
      #expect(result.exitCode == 0, "\(result.errors)")
      #expect(result.output == "train-stage\(stage): 3 steps done; the model is in \(output.path)/final_model\n")
      #expect(result.errors.contains("learning-rate"))
      try expectLog(output, steps: 3)
      try expectRecord(output, steps: 3)
      return output
    }
    let first = try train(1, ["--projector-hidden", "20", "--learning-rate", "1e-3"])
    for name in ["model.safetensors", "projector_config.json"] {
      #expect(first.has("final_model/projection_layer/\(name)"))
    }
    let projector = try SafetensorsFile(path: first.file("final_model/projection_layer/model.safetensors"))
    #expect(
      projector.entries.map(\.name).sorted() == ["model.0.bias", "model.0.weight", "model.2.bias", "model.2.weight"])

    let second = try train(
      2,
      [
        "--stage1-projector-path", first.file("final_model/projection_layer"), "--train-ve-first-epoch",
        "--val-shards", "\(data)/shards/stage2-val", "--save-every-n-steps", "2",
      ])
    for name in [
      "final_model/language_model/model.safetensors", "final_model/vision_encoder/model.safetensors",
      "final_model/projection_layer/model.safetensors", "final_model/tokenizer.json", "final_model/carina.json",
      "best_model/carina.json", "checkpoints/step-2/state.json",
    ] {
      #expect(second.has(name), "\(name)")
    }
    #expect(try second.unfinished().isEmpty)
    // The epoch was not over, but the run was: its last step has the loss on the held-out questions.
    #expect(try second.steps().map { $0["validation_loss"]?.double?.isFinite } == [nil, nil, true])
    for name in ["final_model", "best_model"] { try JoinedModelDirectory(path: second.file(name)).verify() }
    let images = try FileManager.default.contentsOfDirectory(atPath: "\(data)/images").sorted()
    let asked = try ProgramRun(
      "infer",
      [
        "--checkpoint", second.file("final_model"), "--question", "Is there an effusion?", "--max-new-tokens", "3",
        "--image-path", "\(data)/images/\(try #require(images.first))",
      ])
    #expect(asked.exitCode == 0, "\(asked.errors)")
  }

  @Test("a run of shards that were made with a window keeps the window for those who ask the model")
  func window() throws {
    let world = try TrainingWorld.shared(), run = try TrainingOutput(), shards = run.directory.file("shards")
    let made = try ProgramRun(
      "preprocess",
      [
        "--json", "\(world.archive)/stage1_train.json", "--image-root", world.archive, "--output", shards,
        "--image-size", "32", "--window", "minmax", "--limit", "4",
      ])
    #expect(made.exitCode == 0, "\(made.errors)")
    let trained = try world.train(stage: 1, output: run.path, ["--train-shards", shards, "--max-steps", "1"])
    #expect(trained.exitCode == 0, "\(trained.errors)")
    let transform = try AnsweringModel.load(checkpoint: run.file("final_model"), precision: .float32).transform
    let stored = try ShardDirectory(shards).transform
    #expect(transform == stored && transform.window?.description == "minmax")
  }

  @Test("what the limits cut is counted and said, and so are all options")
  func cuts() throws {
    let world = try TrainingWorld.shared(), run = try TrainingOutput()
    let result = try world.train(
      stage: 2, output: run.path,
      ["--max-steps", "1", "--warmup-ratio", "0", "--max-q-len", "2", "--max-a-len", "1"])
    #expect(result.exitCode == 0, "\(result.errors)")
    for text in ["24 of 24 questions are cut at 2 tokens; --max-q-len", "answers are cut at 1 tokens; --max-a-len"] {
      #expect(result.errors.contains(text), "\(result.errors)")
    }
    for option in ["max-steps", "max-q-len", "resume", "vision-feature", "save-every-n-steps"] {
      #expect(result.errors.contains("  \(option) "), "\(option)")
    }
    let whole = try TrainingOutput()
    #expect(try !world.train(stage: 2, output: whole.path, ["--max-steps", "2"]).errors.contains("cut at"))
  }

  @Test("micro-batches of four, two to a step, take the steps of batches of eight")
  func accumulation() throws {
    let world = try TrainingWorld.shared()
    let runs = try [("4", "2"), ("8", "1")].map { size, accumulation in
      let run = try TrainingOutput()
      let result = try world.train(
        stage: 2, output: run.path,
        [
          "--batch-size", size, "--gradient-accumulation-steps", accumulation, "--num-epochs", "2",
          "--unfreeze-projection-layer", "--train-ve-first-epoch",
        ])
      #expect(result.exitCode == 0, "\(result.errors)")
      return run
    }
    let (one, two) = (try runs[0].losses(), try runs[1].losses())
    #expect(one.count == 6 && Set(one).count == 6)
    expectClose(one, two, relative: 1e-5, scale: .element)
  }
}
