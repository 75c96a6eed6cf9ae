import Carina
import Foundation
import TestSupport
import Testing

@Suite("Programs, adapters") struct AdapterProgramTests {
  private static let options = [
    "--lora-rank", "3", "--lora-alpha", "6", "--lora-dropout", "0.1", "--lora-lr", "0.02", "--batch-size", "2",
    "--gradient-accumulation-steps", "2", "--num-epochs", "2", "--max-steps", "10", "--save-every-n-steps", "2",
    "--seed", "5",
  ]

  private let world: TrainingWorld

  init() throws { world = try TrainingWorld.shared() }

  private func train(_ run: TrainingOutput, _ extra: [String] = [], prefix: String = "") throws -> ProgramRun {
    try world.train(stage: 2, output: run.path, Self.options + extra, shellPrefix: prefix)
  }

  private func infer(_ arguments: [String]) throws -> ProgramRun {
    try ProgramRun(
      "infer",
      ["--precision", "fp32", "--max-new-tokens", "12", "--image-path", image, "--question", "Is the heart enlarged?"]
        + arguments)
  }

  private var image: String { "\(world.archive)/images/\(names.first ?? "")" }
  private var names: [String] {
    ((try? FileManager.default.subpathsOfDirectory(atPath: "\(world.archive)/images")) ?? []).sorted().filter {
      $0.hasSuffix(".png")
    }
  }

  private var parts: [String] {
    ["--vision-model", world.vision, "--llm-path", world.language, "--projector-path", world.projector]
  }

  @Test("adapters of every part are trained, named, opened as a whole and beside the parts, and merged")
  func wholeWay() throws {
    let run = try TrainingOutput()
    let trained = try train(run, ["--lora-vision", "--lora-projector", "--rslora"])
    #expect(trained.exitCode == 0, "\(trained.errors)")
    for text in ["trains", "adapters", "language model: ", "vision encoder: ", "projector: ", "lora-rank", "rslora"] {
      #expect(trained.errors.contains(text), "\(trained.errors)")
    }
    let final = run.file("final_model"), adapter = final + "/adapter"
    for name in [
      "adapter_config.json", "adapter_model.safetensors", "carina_adapter.json", "vision_encoder/adapter_config.json",
      "projection_layer/adapter_model.safetensors",
    ] { #expect(run.has("final_model/adapter/\(name)"), "\(name)") }
    #expect(!run.has("final_model/language_model") && !run.has("final_model/vision_encoder"))
    let manifest = try JSONValue.parseFile(final + "/carina.json")
    #expect(manifest["format_version"]?.int == 2 && manifest["adapter"]?["sha256"]?.string?.count == 64)
    let record = try JSONValue.parseFile(run.file("run.json"))
    #expect(record["configuration"]?["lora"]?["lora_rank"]?.int == 3)
    let file = try SafetensorsFile(path: adapter + "/adapter_model.safetensors")
    #expect(file.entries.count == 2 * 2 * 7)
    #expect(file.entry(named: "base_model.model.model.layers.1.mlp.down_proj.lora_A.weight")?.shape == [3, 40])

    let whole = try infer(["--checkpoint", final])
    #expect(whole.exitCode == 0 && whole.errors.contains("the base that it was trained on"), "\(whole.errors)")
    let beside = try infer(parts + ["--adapter", adapter])
    #expect(beside.exitCode == 0 && beside.output == whole.output, "\(beside.errors)")
    #expect(try infer(parts).output != whole.output)
    // The run's directory and the final model name their adapter too.
    #expect(try infer(parts + ["--adapter", run.path]).output == whole.output)

    let merged = run.file("merged")
    let merge = try ProgramRun("infer", ["merge", "--checkpoint", final, "--output", merged])
    #expect(merge.exitCode == 0, "\(merge.errors)")
    #expect(run.has("merged/language_model/model.safetensors") && run.has("merged/vision_encoder/config.json"))
    #expect(!run.has("merged/adapter"))
    #expect(try infer(["--checkpoint", merged]).output == whole.output)
    #expect(try ProgramRun("infer", ["merge", "--checkpoint", merged, "--output", run.file("again")]).exitCode == 64)

    func evaluate(_ model: String, _ name: String) throws -> ProgramRun {
      try ProgramRun(
        "evaluate",
        [
          "--checkpoint", model, "--shards", world.heldOut, "--output-dir", run.file(name), "--precision", "fp32",
          "--bootstrap", "0", "--max-new-tokens", "8", "--likelihood",
        ])
    }
    let (one, two) = (try evaluate(final, "unmerged-scores"), try evaluate(merged, "merged-scores"))
    #expect(one.exitCode == 0 && two.exitCode == 0 && one.errors.contains("adapter  "), "\(one.errors) \(two.errors)")
    let (left, right) = (
      try JSONValue.parseFile(run.file("unmerged-scores/metrics.json")),
      try JSONValue.parseFile(run.file("merged-scores/metrics.json"))
    )
    let losses = [left, right].compactMap { $0["metrics"]?["nll-per-token"]?["value"]?.double }
    if losses.count == 2 { expectClose([losses[0]], [losses[1]], relative: 1e-5) }
    let facts = try [left, right].map { try $0.serialized().contains("\"adapter\"") }
    #expect(facts == [true, false])
  }

  @Test("an adapter on another base is refused unless told; a damaged one is refused")
  func otherBase() throws {
    let run = try TrainingOutput()
    #expect(try train(run, ["--max-steps", "2"]).exitCode == 0)
    let other = run.file("other")
    let decoder = try ModelDirectory(path: world.language).loadDecoder(precision: .float32).model
    decoder.parameters.last?.assign(Tensor([Float](repeating: 0.25, count: 24), shape: [24]))
    try ModelDirectoryWriter.write(decoder, to: other, type: .float32, tokenizer: ModelDirectory(path: world.language))
    let arguments = [
      "--vision-model", world.vision, "--llm-path", other, "--projector-path", world.projector, "--adapter",
      run.file("final_model/adapter"),
    ]
    let refused = try infer(arguments)
    #expect(refused.exitCode == 65, "\(refused.errors)")
    for text in ["another base: another language model", "--adapter-any-base"] {
      #expect(refused.errors.contains(text))
    }
    let told = try infer(arguments + ["--adapter-any-base"])
    #expect(told.exitCode == 0 && told.errors.contains("another base than it was trained on"), "\(told.errors)")
    let without = try infer(Array(arguments.dropLast(2)) + ["--adapter-any-base"])
    #expect(without.exitCode == 64 && without.errors.contains("there is no adapter"), "\(without.errors)")

    let weights = run.file("final_model/adapter/adapter_model.safetensors")
    var bytes = try Data(contentsOf: URL(fileURLWithPath: weights))
    bytes[bytes.count - 3] ^= 1
    try bytes.write(to: URL(fileURLWithPath: weights))
    let damaged = try infer(["--checkpoint", run.file("final_model")])
    #expect(damaged.exitCode == 65 && damaged.errors.contains("not the adapter that the joined model was made with"))
    #expect(try infer(["--checkpoint", world.language, "--adapter", run.path]).exitCode != 0)
  }

  @Test("a run with dropout that was killed ends with the bits of a smooth one", arguments: ["fp32", "bf16"])
  func resuming(precision: String) throws {
    let extra = ["--precision", precision, "--unfreeze-projection-layer"]
    let smooth = try TrainingOutput()
    #expect(try train(smooth, extra).exitCode == 0)
    let (killed, _) = try TrainingOutput.stopped(
      by: "KILL", when: { "-e '\($0.file("checkpoints/step-4"))'" }, code: 137
    ) { try train($0, extra, prefix: $1) }
    #expect(!killed.has("final_model"))
    let revived = try train(killed, extra)
    #expect(revived.exitCode == 0, "\(revived.errors)")
    #expect(try killed.numbers() == smooth.numbers())
    let (found, expected) = (try killed.bytes(under: "final_model"), try smooth.bytes(under: "final_model"))
    #expect(found.keys.sorted() == expected.keys.sorted() && found.count > 6)
    for (name, bytes) in expected { #expect(found[name] == bytes, "\(name)") }
    let other = try train(killed, extra + ["--lora-alpha", "7"])
    #expect(other.exitCode == 64 && other.errors.contains("lora.lora_alpha was 6"), "\(other.errors)")
  }

  @Test("what cannot be is refused before a weight is read")
  func refusals() throws {
    let cases: [(options: [String], text: String)] = [
      (["--lora-rank", "0"], "--lora-rank"), (["--lora-alpha", "inf"], "--lora-alpha"),
      (["--lora-dropout", "1"], "--lora-dropout"), (["--lora-dropout", "-0.1"], "--lora-dropout"),
      (["--lora-lr", "0"], "--lora-lr"), (["--lora-targets", "q_proj,w_proj"], "w_proj"),
      (["--lora-targets", "fc1"], "--lora-vision"), (["--lora-targets", "q_proj,,v_proj"], "--lora-targets"),
      (["--unfreeze-llm"], "--unfreeze-llm"),
      (["--lora-projector", "--unfreeze-projection-layer"], "--lora-projector"),
      (["--lora-vision", "--train-ve-first-epoch"], "--train-ve-first-epoch"),
      (["--lora-vision", "--cache-vision-features"], "--lora-vision"),
    ]
    for (options, text) in cases {
      let run = try TrainingOutput(), refused = try train(run, options)
      #expect(refused.exitCode == 64 && refused.errors.contains(text), "\(options): \(refused.errors)")
      #expect(!run.has("train_log.jsonl"))
    }
    let run = try TrainingOutput()
    let alone = try world.train(stage: 2, output: run.path, ["--lora-alpha", "4", "--max-steps", "1"])
    #expect(alone.exitCode == 64 && alone.errors.contains("--lora-rank"), "\(alone.errors)")
  }
}
