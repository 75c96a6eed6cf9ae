import Carina
import Foundation
import TestSupport
import Testing

@Suite("Programs, adapters of a joined Gemma 3") struct JoinedAdapterTests {
  private let world: JoinedWorld

  init() throws { world = try JoinedWorld.shared() }

  private static let options = [
    "--lora-rank", "2", "--lora-lr", "0.05", "--batch-size", "2", "--max-steps", "6", "--seed", "3",
    "--unfreeze-projection-layer",
  ]

  private func infer(_ arguments: [String]) throws -> ProgramRun {
    let images = "\(world.world.archive)/images"
    let name = try FileManager.default.subpathsOfDirectory(atPath: images).sorted().first { $0.hasSuffix(".png") } ?? ""
    return try ProgramRun(
      "infer",
      [
        "--precision", "fp32", "--max-new-tokens", "12", "--image-path", "\(images)/\(name)", "--question",
        "Is the heart enlarged?",
      ] + arguments)
  }

  @Test("one file for all parts, with a projector that was trained whole; opened, used beside the base, merged")
  func wholeWay() throws {
    let run = try TrainingOutput()
    let trained = try world.train(
      world.model, output: run.path, Self.options + ["--lora-vision", "--prompt-style", "gemma"])
    #expect(trained.exitCode == 0, "\(trained.errors)")
    let final = run.file("final_model")
    let names = try SafetensorsFile(path: final + "/adapter/adapter_model.safetensors").entries.map(\.name)
    for name in [
      "base_model.model.model.language_model.layers.0.self_attn.q_proj.lora_A.weight",
      "base_model.model.model.vision_tower.encoder.layers.0.mlp.fc1.lora_B.weight",
      "base_model.model.model.multi_modal_projector.mm_input_projection_weight",
    ] { #expect(names.contains(name), "\(names)") }
    let config = try JSONValue.parseFile(final + "/adapter/adapter_config.json")
    #expect(config["modules_to_save"] == ["multi_modal_projector"])
    #expect(!run.has("final_model/adapter/vision_encoder") && !run.has("final_model/projection_layer"))

    let whole = try infer(["--checkpoint", final])
    #expect(whole.exitCode == 0, "\(whole.errors)")
    let base = ["--vision-model", world.model, "--llm-path", world.model, "--projector-path", world.model]
    let beside = try infer(base + ["--prompt-style", "gemma", "--adapter", final])
    #expect(beside.output == whole.output, "\(beside.errors)")
    #expect(try infer(base + ["--prompt-style", "gemma"]).output != whole.output)
    #expect(try infer(["--checkpoint", world.model, "--adapter", final + "/adapter"]).exitCode == 0)

    let merged = run.file("merged")
    let merge = try ProgramRun("infer", ["merge", "--checkpoint", final, "--output", merged])
    #expect(merge.exitCode == 0, "\(merge.errors)")
    let weights = try WeightsDirectory(path: merged), before = try WeightsDirectory(path: world.model)
    #expect(weights.names.sorted() == before.names.sorted())
    #expect(try ModelDirectory(path: merged).configuration()["model_type"] == "gemma3")
    #expect(try infer(["--checkpoint", merged]).output == whole.output)
    let changed = "language_model.model.layers.0.self_attn.q_proj.weight", kept = "language_model.model.norm.weight"
    #expect(weights.haveEqualNumbers(changed, kept) == false)
    let (old, new) = (try before.tensor(named: kept), try weights.tensor(named: kept))
    #expect(old.values == new.values)
    #expect(try before.tensor(named: changed).values != weights.tensor(named: changed).values)
  }

  @Test("a model with an adapter is neither trained on nor exported as if it had none")
  func unmerged() throws {
    let run = try TrainingOutput(), other = try TrainingOutput()
    #expect(try world.train(world.model, output: run.path, Self.options + ["--prompt-style", "gemma"]).exitCode == 0)
    let final = run.file("final_model")
    let trained = try world.train(final, output: other.path, ["--max-steps", "1"])
    #expect(trained.exitCode == 64 && trained.errors.contains("infer merge"), "\(trained.errors)")
    let exported = try ProgramRun(
      "infer", ["export", "--as", "gemma3", "--checkpoint", final, "--output", run.file("exported")])
    #expect(exported.exitCode == 64 && exported.errors.contains("infer merge"), "\(exported.errors)")
    let pooled = try world.train(world.model, output: other.path, Self.options + ["--lora-projector"])
    #expect(pooled.exitCode == 64, "\(pooled.errors)")
    let matrix = try world.train(
      world.model, output: other.path, ["--lora-rank", "2", "--lora-projector", "--max-steps", "1"])
    #expect(matrix.exitCode == 64 && matrix.errors.contains("--unfreeze-projection-layer"), "\(matrix.errors)")
  }
}
