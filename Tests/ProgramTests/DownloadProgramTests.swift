import Carina
import Foundation
import TestSupport
import Testing

/// Programs that fetch models by `--download` from an imitation of the hub.
@Suite("Programs, models from the hub") struct DownloadProgramTests {
  private let world: TrainingWorld, home: TemporaryDirectory

  init() throws {
    world = try TrainingWorld.shared()
    home = try TemporaryDirectory()
  }

  private func hub(_ model: String, _ directory: String) throws -> SmallHub {
    var files: [String: Data] = [:]
    for name in try FileManager.default.contentsOfDirectory(atPath: directory) {
      files[name] = try Data(contentsOf: URL(fileURLWithPath: "\(directory)/\(name)"))
    }
    return try SmallHub(model, files)
  }

  private func environment(_ address: String) -> String {
    "export HF_HOME='\(home.path)' HF_ENDPOINT='\(address)'; unset HF_TOKEN HF_HUB_CACHE HF_HUB_OFFLINE;"
  }

  @Test(
    "train-stage1 fetches an encoder; the next run finds it without a network; the bytes are those of the directory")
  func training() throws {
    let hub = try hub("acme/vit", world.vision)
    func train(_ run: TrainingOutput, _ vision: String, _ extra: [String] = []) throws -> ProgramRun {
      try ProgramRun(
        "train-stage1",
        [
          "--train-shards", world.captions, "--vision-model", vision, "--llm", world.language, "--output-dir", run.path,
          "--precision", "fp32", "--threads", "1", "--max-steps", "2", "--init-projector", world.projector,
        ] + extra, shellPrefix: environment(hub.address))
    }
    let without = try TrainingOutput(), refused = try train(without, "acme/vit")
    #expect(refused.exitCode == 66 && refused.errors.contains("--download"), "\(refused.errors)")
    #expect(hub.requests.isEmpty)
    let fetched = try TrainingOutput(), first = try train(fetched, "acme/vit", ["--download"])
    #expect(first.exitCode == 0 && first.errors.contains("acme/vit"), "\(first.errors)")
    hub.stop()
    let again = try TrainingOutput(), second = try train(again, "acme/vit", ["--download"])
    #expect(second.exitCode == 0, "\(second.errors)")
    let plain = try TrainingOutput()
    #expect(try train(plain, world.vision).exitCode == 0)
    for run in [fetched, again] {
      #expect(
        try run.bytes(under: "final_model/projection_layer") == plain.bytes(under: "final_model/projection_layer"))
    }
  }

  @Test("stage 0 fetches the SigLIP that it tunes; the next run needs no network; the bytes are those of the directory")
  func tower() throws {
    let tower = try TowerWorld.shared(), hub = try hub("acme/siglip", tower.model)
    func train(_ run: TrainingOutput, _ model: String, _ extra: [String] = []) throws -> ProgramRun {
      try tower.train(
        output: run.path, ["--vision-model", model, "--max-steps", "2", "--warmup-ratio", "0"] + extra,
        shellPrefix: environment(hub.address))
    }
    let without = try TrainingOutput(), refused = try train(without, "acme/siglip")
    #expect(refused.exitCode == 66 && refused.errors.contains("--download"), "\(refused.errors)")
    #expect(hub.requests.isEmpty && !FileManager.default.fileExists(atPath: without.path))
    let fetched = try TrainingOutput(), first = try train(fetched, "acme/siglip", ["--download"])
    #expect(first.exitCode == 0 && first.errors.contains("fetching acme/siglip"), "\(first.errors)")
    let snapshot = home.file("hub/models--acme--siglip/snapshots/\(SmallHub.commit)")
    for name in ["config.json", "model.safetensors", "tokenizer.json", "preprocessor_config.json"] {
      #expect(FileManager.default.fileExists(atPath: "\(snapshot)/\(name)"), "\(name)")
    }
    hub.stop()
    let again = try TrainingOutput(), second = try train(again, "acme/siglip", ["--download"])
    #expect(second.exitCode == 0, "\(second.errors)")
    let plain = try TrainingOutput()
    #expect(try train(plain, tower.model).exitCode == 0)
    for run in [fetched, again] {
      #expect(try run.bytes(under: "final_model") == plain.bytes(under: "final_model"))
    }
    let next = try TrainingOutput()
    let stage1 = try tower.world.train(
      stage: 1, output: next.path, ["--vision-model", "acme/siglip", "--max-steps", "1"],
      shellPrefix: environment(hub.address))
    #expect(stage1.exitCode == 0, "\(stage1.errors)")
  }

  @Test("infer tokenize and preprocess fetch too; a model that is not there is told as such")
  func others() throws {
    let language = try hub("acme/gemma", world.language)
    let tokens = try ProgramRun(
      "infer", ["tokenize", "--llm-path", "acme/gemma", "--download"], shellPrefix: environment(language.address))
    #expect(tokens.exitCode == 0, "\(tokens.errors)")
    // What AutoModel leaves behind: configuration and weights.
    let snapshot = home.file("hub/models--acme--gemma/snapshots/\(SmallHub.commit)")
    for name in ["tokenizer.json", "tokenizer.model"] {
      try? FileManager.default.removeItem(atPath: "\(snapshot)/\(name)")
    }
    let completed = try ProgramRun(
      "infer", ["tokenize", "--llm-path", "acme/gemma", "--download"], shellPrefix: environment(language.address))
    #expect(completed.exitCode == 0, "\(completed.errors)")
    let typo = try ProgramRun(
      "infer", ["tokenize", "--llm-path", "acme/gema", "--download"], shellPrefix: environment(language.address))
    #expect(typo.exitCode == 66 && typo.errors.contains("there is no such model"), "\(typo.errors)")
    let vision = try hub("acme/vit", world.vision)
    let shards = try ProgramRun(
      "preprocess",
      [
        "--json", "\(world.archive)/stage1_val.json", "--image-root", world.archive, "--output", home.file("shards"),
        "--vision-model", "hf://acme/vit@main", "--download",
      ], shellPrefix: environment(vision.address))
    #expect(shards.exitCode == 0, "\(shards.errors)")
    let asked = try ProgramRun(
      "infer",
      ["--checkpoint", "acme/vit", "--question", "Where?", "--image-path", "x.png", "--download"],
      shellPrefix: environment(vision.address))
    #expect(asked.exitCode != 0)
  }

  @Test("a parts' model answers with ids alone")
  func answers() throws {
    let vision = try hub("acme/vit", world.vision)
    let images = try FileManager.default.contentsOfDirectory(atPath: "\(world.archive)/images").sorted()
    let asked = try ProgramRun(
      "infer",
      [
        "--vision-model", "https://huggingface.co/acme/vit", "--llm-path", world.language, "--projector-path",
        world.projector, "--question", "Where?", "--max-new-tokens", "2", "--precision", "fp32", "--download",
        "--image-path", "\(world.archive)/images/\(try #require(images.first))",
      ], shellPrefix: environment(vision.address))
    #expect(asked.exitCode == 0, "\(asked.errors)")
  }
}
