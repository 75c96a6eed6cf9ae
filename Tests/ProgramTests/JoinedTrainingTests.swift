import Carina
import Foundation
import TestSupport
import Testing

/// A joined Gemma 3 through the programs: tuned, written, answered with, gone on with.
@Suite("Programs, joined Gemma 3") struct JoinedTrainingTests {
  private let joined: JoinedWorld
  private var world: TrainingWorld { joined.world }

  init() throws { joined = try JoinedWorld.shared() }

  private static let everything = [
    "--unfreeze-projection-layer", "--train-ve-first-epoch", "--batch-size", "4", "--gradient-accumulation-steps", "1",
    "--num-epochs", "2", "--max-steps", "8", "--save-every-n-steps", "2",
  ]

  private func tensors(_ path: String) throws -> [String: Tensor] {
    let weights = try WeightsDirectory(path: path)
    return try Dictionary(
      uniqueKeysWithValues: weights.names.map { ($0, try weights.tensor(named: $0, on: TestBackend.chosen)) })
  }

  private static let files = [
    "carina.json", "chat_template.jinja", "config.json", "generation_config.json", "model.safetensors",
    "preprocessor_config.json", "processor_config.json", "special_tokens_map.json", "tokenizer.json",
    "tokenizer_config.json",
  ]

  @Test(
    "a run ends in the same kind of directory, and one that was killed ends with its bytes",
    arguments: ["fp32", "bf16"])
  func resuming(precision: String) throws {
    let options = Self.everything + ["--val-shards", world.heldOut]
    let smooth = try TrainingOutput()
    let whole = try joined.train(joined.model, output: smooth.path, options, precision: precision)
    #expect(whole.exitCode == 0, "\(whole.errors)")
    #expect(whole.errors.contains("checkpoint") && whole.errors.contains("prompt-style            gemma3"))
    for name in ["final_model", "best_model"] {
      #expect(try FileManager.default.contentsOfDirectory(atPath: smooth.file(name)).sorted() == Self.files, "\(name)")
    }
    let (killed, _) = try TrainingOutput.stopped(
      by: "KILL", when: { "-e '\($0.file("checkpoints/step-4"))'" }, code: 137
    ) { try joined.train(joined.model, output: $0.path, options, precision: precision, shellPrefix: $1) }
    #expect(try joined.train(joined.model, output: killed.path, options, precision: precision).exitCode == 0)
    #expect(try killed.numbers() == smooth.numbers())
    for name in ["final_model", "best_model"] {
      #expect(try killed.bytes(under: name) == smooth.bytes(under: name), "\(name)")
    }
    let before = try tensors(joined.model), after = try tensors(smooth.file("final_model"))
    #expect(before.keys.sorted() == after.keys.sorted())
    for (name, tensor) in after {
      #expect(tensor.converted(to: .float32).values != before[name]?.values, "\(name) was trained")
      #expect(tensor.elementType == (precision == "bf16" ? .bfloat16 : .float32))
    }
    let config = try JSONValue.parseFile(smooth.file("final_model/config.json"))
    #expect(config["dtype"]?.string == (precision == "bf16" ? "bfloat16" : "float32"))
    #expect(config["model_type"] == "gemma3" && config["architectures"] == ["Gemma3ForConditionalGeneration"])
    #expect(try joined.train(joined.model, output: smooth.path, options, precision: precision).exitCode == 0)
  }

  @Test("what stays frozen keeps its bytes, whatever the run's precision, and embeddings can")
  func frozen() throws {
    let run = try TrainingOutput()
    let result = try joined.train(
      joined.model, output: run.path, ["--freeze-embeddings", "--max-steps", "2", "--batch-size", "2"],
      precision: "bf16")
    #expect(result.exitCode == 0 && result.errors.contains("language model without its embeddings"), "\(result.errors)")
    let record = try JSONValue.parseFile(run.file("run.json"))
    #expect(record["configuration"]?["trains"]?["embeddings"] == false)
    #expect(
      !(try joined.train(joined.model, output: run.path, ["--max-steps", "2", "--batch-size", "2"], precision: "bf16"))
        .errors.contains("already done"))
    let before = try tensors(joined.model), after = try tensors(run.file("final_model"))
    for (name, tensor) in after {
      let isTrained = name.hasPrefix("language_model.") && !name.contains("embed_tokens")
      #expect(tensor.elementType == (isTrained ? .bfloat16 : .float32), "\(name)")
      if !isTrained { #expect(tensor.values == before[name]?.values, "\(name)") }
    }
    let pointless = try joined.train(
      joined.model, output: run.file("none"),
      ["--freeze-embeddings", "--no-unfreeze-llm", "--unfreeze-projection-layer"])
    #expect(pointless.exitCode == 64 && pointless.errors.contains("--freeze-embeddings"), "\(pointless.errors)")
  }

  @Test("the tuned model answers, is scored and is gone on with, and a run in parts is gone on with as parts")
  func again() throws {
    let run = try TrainingOutput()
    let options = ["--no-unfreeze-llm", "--unfreeze-projection-layer", "--max-steps", "2", "--batch-size", "2"]
    #expect(
      try joined.train(joined.model, output: run.path, options + ["--system", "Be brief."]).exitCode
        == 0)
    let final = run.file("final_model")
    let images = try FileManager.default.contentsOfDirectory(atPath: world.archive + "/images").sorted()
    for checkpoint in [joined.model, final] {
      let answer = try ProgramRun(
        "infer",
        [
          "--checkpoint", checkpoint, "--image-path", "\(world.archive)/images/\(images[0])", "--question",
          "Is the heart enlarged?", "--precision", "fp32", "--max-new-tokens", "2",
        ])
      #expect(answer.exitCode == 0, "\(answer.errors)")
      let scored = try ProgramRun(
        "evaluate",
        [
          "--checkpoint", checkpoint, "--shards", world.heldOut, "--output-dir", run.file("scores-\(checkpoint.count)"),
          "--precision", "fp32", "--max-new-tokens", "2", "--bootstrap", "0", "--likelihood", "--cache-vision-features",
          run.file("features-\(checkpoint.count).h5"),
        ])
      #expect(scored.exitCode == 0, "\(scored.errors)")
    }
    let second = try joined.train(final, output: run.file("second"), options)
    #expect(second.exitCode == 0 && second.errors.contains("Be brief."), "\(second.errors)")
    let features = try joined.train(final, output: run.file("third"), options + ["--vision-feature", "pre-norm"])
    #expect(features.exitCode == 64 && features.errors.contains("other vision features"), "\(features.errors)")
    let manifest = try CarinaManifest(path: run.file("second/final_model/carina.json"))
    #expect(manifest.layout == .gemma3 && manifest.training == [:])
    #expect(
      try joined.train(final, output: run.file("cached"), options + ["--cache-vision-features", run.file("f.h5")])
        .exitCode
        == 0)
    #expect(
      try tensors(run.file("cached/final_model")).mapValues(\.values)
        == tensors(run.file("second/final_model")).mapValues(\.values))

    let parts = try joined.train(joined.parts, output: run.file("parts"), options)
    #expect(parts.exitCode == 0 && parts.errors.contains("prompt-style            gemma\n"), "\(parts.errors)")
    let own = try CarinaManifest(path: run.file("parts/final_model/carina.json"))
    #expect(own.layout == .parts)
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: run.file("parts/final_model")).contains("projection_layer"))
    let inside = try joined.train(final, output: run.path, options)
    #expect(inside.exitCode == 64 && inside.errors.contains("an input lies where"), "\(inside.errors)")
  }

  @Test("its parts serve as encoder, decoder and projector of every program")
  func asParts() throws {
    let run = try TrainingOutput(), model = joined.model
    for (stage, projector) in [(1, "--init-projector"), (2, "--stage1-projector-path")] {
      let result = try world.train(
        stage: stage, output: run.file("\(stage)"),
        [
          "--vision-model", model, "--llm", model, projector, model, "--max-steps", "1", "--batch-size", "2",
          "--warmup-ratio", "0",
        ])
      #expect(result.exitCode == 0, "\(result.errors)")
      let manifest = try CarinaManifest(path: run.file("\(stage)/final_model/carina.json"))
      #expect(manifest.layout == .parts)
    }
    let parts = ["--vision-model", model, "--llm-path", model, "--projector-path", model, "--prompt-style", "gemma3"]
    let options = ["--precision", "fp32", "--max-new-tokens", "3", "--threads", "1"]
    let images = try FileManager.default.contentsOfDirectory(atPath: world.archive + "/images").sorted()
    let question = ["--image-path", "\(world.archive)/images/\(images[1])", "--question", "Is the heart enlarged?"]
    let apart = try ProgramRun("infer", parts + options + question)
    let whole = try ProgramRun("infer", ["--checkpoint", model] + options + question)
    #expect(apart.exitCode == 0 && apart.output == whole.output, "\(apart.errors)")
    let scored = try ProgramRun(
      "evaluate", parts + options + ["--shards", world.heldOut, "--output-dir", run.file("scores"), "--bootstrap", "0"])
    #expect(scored.exitCode == 0, "\(scored.errors)")
    let shards = try ProgramRun(
      "preprocess",
      [
        "--json", "\(world.archive)/stage2_train.json", "--image-root", world.archive, "--output", run.file("shards"),
        "--limit", "3", "--vision-model", model,
      ])
    #expect(shards.exitCode == 0, "\(shards.errors)")
    #expect(try ShardDirectory(run.file("shards")).transform == ImageTransform(size: 32))
  }

  @Test("--standalone copies what stays frozen, bit for bit")
  func standalone() throws {
    let run = try TrainingOutput()
    let result = try world.train(
      stage: 2, output: run.path,
      [
        "--standalone", "--no-unfreeze-llm", "--unfreeze-projection-layer", "--max-steps", "1", "--batch-size", "2",
        "--warmup-ratio", "0", "--precision", "bf16",
      ])
    #expect(result.exitCode == 0, "\(result.errors)")
    let manifest = try CarinaManifest(path: run.file("final_model/carina.json"))
    for part in [manifest.languageModel, manifest.visionEncoder, manifest.projector] { #expect(part.reference == nil) }
    for (source, name) in [(world.language, "language_model"), (world.vision, "vision_encoder")] {
      let copy = run.file("final_model/\(name)")
      #expect(try tensors(copy).mapValues(\.values) == tensors(source).mapValues(\.values))
      #expect(try JSONValue.parseFile(copy + "/config.json")["dtype"] == "float32")
    }
  }
}
