import Carina
import Foundation
import TestSupport
import Testing

/// A LLaVA directory through the programs: exported, answered with, scored, tuned and written again.
@Suite("Programs, LLaVA") struct LlavaTests {
  private let world: TrainingWorld
  private let directory: TemporaryDirectory
  /// A model in parts, and the same as a directory that nobody knows to be Carina's.
  private var parts: String { directory.file("parts") }
  private var model: String { directory.file("model") }

  init() throws {
    world = try TrainingWorld.shared()
    directory = try TemporaryDirectory()
    let language = ModelDirectory(path: world.language)
    let decoder = try language.loadDecoder(precision: .float32, on: TestBackend.chosen).model
    let vision = try ModelDirectory(path: world.vision).loadVisionEncoder(precision: .float32, on: TestBackend.chosen)
      .model
    let projector = Projector(
      ProjectorConfig(inputSize: 16, hiddenSize: 24, outputSize: 24), from: RandomParameterSource(seed: 5))
    try JoinedModelWriter.write(
      VisionLanguageModel(vision: vision, projector: projector, decoder: decoder, feature: .preNorm),
      languageModel: .copy, visionEncoder: .copy, tokenizer: language,
      description: .init(
        promptStyle: .gemma, maximumQuestionTokens: 64, maximumAnswerTokens: 64, transform: ImageTransform(size: 32)),
      type: .float32, to: parts)
    try JoinedExport(parts, as: .llava).write(to: model)
    try FileManager.default.removeItem(atPath: model + "/carina.json")
  }

  private var image: String {
    get throws {
      let names = try FileManager.default.contentsOfDirectory(atPath: world.archive + "/images").sorted()
      return "\(world.archive)/images/\(names[0])"
    }
  }

  private func train(_ checkpoint: String, output: String, _ extra: [String] = []) throws -> ProgramRun {
    try ProgramRun(
      "train-stage2",
      [
        "--train-shards", world.questions, "--checkpoint", checkpoint, "--output-dir", output, "--precision", "fp32",
        "--threads", "1", "--learning-rate", "1e-3", "--warmup-ratio", "0", "--max-steps", "2", "--batch-size", "2",
      ] + extra)
  }

  private func answer(_ model: [String]) throws -> ProgramRun {
    try ProgramRun(
      "infer",
      model + [
        "--image-path", try image, "--question", "Is the heart enlarged?", "--precision", "fp32", "--max-new-tokens",
        "4", "--threads", "1",
      ])
  }

  private func tensors(_ path: String) throws -> [String: [Float]] {
    let weights = try WeightsDirectory(path: path)
    return try Dictionary(
      uniqueKeysWithValues: weights.names.map { ($0, try weights.tensor(named: $0, on: TestBackend.chosen).values) })
  }

  @Test("a run ends in the same kind of directory, which answers, is scored and is gone on with")
  func tuning() throws {
    let run = directory.file("run"), final = run + "/final_model"
    let trained = try train(model, output: run, ["--unfreeze-projection-layer", "--train-ve-first-epoch"])
    #expect(trained.exitCode == 0, "\(trained.errors)")
    #expect(trained.errors.contains("vision-feature          pre-norm"), "\(trained.errors)")
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: final).sorted()
        == (FileManager.default.contentsOfDirectory(atPath: model) + ["carina.json"]).sorted())
    let manifest = try CarinaManifest(path: final + "/carina.json")
    #expect(manifest.layout == .llava && manifest.feature == .preNorm && manifest.promptStyle == .gemma)
    for file in ["chat_template.jinja", "config.json", "preprocessor_config.json", "processor_config.json"] {
      #expect(
        try Data(contentsOf: URL(fileURLWithPath: "\(final)/\(file)"))
          == Data(contentsOf: URL(fileURLWithPath: "\(model)/\(file)")), "\(file)")
    }
    let before = try tensors(model), after = try tensors(final)
    #expect(before.keys.sorted() == after.keys.sorted())
    // The tower's last norm lies behind the features.
    for (name, values) in after {
      #expect((values == before[name]) == name.contains("post_layernorm"), "\(name)")
    }
    for checkpoint in [model, final] {
      let answer = try answer(["--checkpoint", checkpoint])
      #expect(answer.exitCode == 0, "\(answer.errors)")
      let scored = try ProgramRun(
        "evaluate",
        [
          "--checkpoint", checkpoint, "--shards", world.heldOut, "--output-dir",
          directory.file("scores-\(checkpoint.count)"), "--precision", "fp32", "--max-new-tokens", "2", "--bootstrap",
          "0", "--likelihood",
        ])
      #expect(scored.exitCode == 0, "\(scored.errors)")
    }
    let again = try train(
      final, output: directory.file("second"), ["--no-unfreeze-llm", "--unfreeze-projection-layer"])
    #expect(again.exitCode == 0, "\(again.errors)")
    let second = try tensors(directory.file("second/final_model"))
    for (name, values) in second {
      #expect((values != after[name]) == name.hasPrefix("multi_modal_projector."), "\(name)")
    }
    let other = try train(
      model, output: directory.file("third"), ["--vision-feature", "post-norm", "--drop-first-patch"])
    #expect(other.exitCode == 64 && other.errors.contains("other vision features"), "\(other.errors)")
  }

  @Test("its parts serve as encoder, decoder and projector, with the features that LLaVA reads")
  func asParts() throws {
    let apart = [
      "--vision-model", model, "--llm-path", model, "--projector-path", model, "--vision-feature", "pre-norm",
    ]
    let whole = try answer(["--checkpoint", model]), joined = try answer(apart)
    #expect(whole.exitCode == 0 && joined.exitCode == 0 && whole.output == joined.output, "\(joined.errors)")
    let first = try world.train(
      stage: 1, output: directory.file("stage1"),
      [
        "--vision-model", model, "--llm", model, "--init-projector", model, "--vision-feature", "pre-norm",
        "--max-steps", "1", "--batch-size", "2", "--warmup-ratio", "0",
      ])
    #expect(first.exitCode == 0, "\(first.errors)")
    let exported = directory.file("exported")
    let again = try ProgramRun(
      "infer",
      ["export", "--as", "llava", "--checkpoint", directory.file("stage1/final_model"), "--output", exported])
    #expect(again.exitCode == 0, "\(again.errors)")
    #expect(try CheckpointParts(exported).promptStyle == .plain)
    let before = try tensors(model), after = try tensors(exported)
    for (name, values) in after {
      #expect((values != before[name]) == name.hasPrefix("multi_modal_projector."), "\(name)")
    }
  }

  @Test("adapters stand in one file over it, the projector's too, and are merged into the same kind of directory")
  func adapters() throws {
    let run = directory.file("adapted")
    let trained = try train(
      model, output: run, ["--lora-rank", "2", "--lora-vision", "--lora-projector", "--no-unfreeze-llm"])
    #expect(trained.exitCode == 0, "\(trained.errors)")
    let adapter = run + "/final_model/adapter"
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: adapter).sorted() == [
        "adapter_config.json", "adapter_model.safetensors", "carina_adapter.json",
      ])
    let names = try SafetensorsFile(path: adapter + "/adapter_model.safetensors").entries.map(\.name)
    for part in [
      "model.multi_modal_projector.linear_1.", "model.multi_modal_projector.linear_2.",
      "model.language_model.layers.0.self_attn.q_proj.", "model.vision_tower.encoder.layers.0.self_attn.q_proj.",
    ] { #expect(names.contains("base_model.model.\(part)lora_A.weight"), "\(part)") }
    let beside = try answer(["--checkpoint", run + "/final_model"])
    let merged = try ProgramRun(
      "infer", ["merge", "--checkpoint", run + "/final_model", "--output", directory.file("merged")])
    #expect(beside.exitCode == 0 && merged.exitCode == 0, "\(merged.errors)")
    #expect(ModelDirectory(path: directory.file("merged")).joinedKind == .llava)
    #expect(try answer(["--checkpoint", directory.file("merged")]).output == beside.output)
  }

  @Test("other towers, decoders and layers are refused by every program, and an output that is there by export")
  func refused() throws {
    let source = try #require(try JSONValue.parseFile(model + "/config.json").object)
    func changed(_ name: String, _ change: (inout JSONObject) -> Void) throws -> String {
      let path = directory.file(name)
      try FileManager.default.copyItem(atPath: model, toPath: path)
      var document = source
      change(&document)
      try JSONValue.object(document).write(to: path + "/config.json")
      return path
    }
    func type(_ part: String, _ name: String) -> (inout JSONObject) -> Void {
      { document in
        var inner = document[part]?.object ?? JSONObject()
        inner["model_type"] = .string(name)
        document[part] = .object(inner)
      }
    }
    let cases = [
      (try changed("clip", type("vision_config", "clip_vision_model")), "clip_vision_model"),
      (try changed("llama", type("text_config", "llama")), "llama"),
      (try changed("layer") { $0["vision_feature_layer"] = -2 }, "vision_feature_layer"),
    ]
    for (path, word) in cases {
      let output = directory.file("out-\(word)")
      let evaluation = try ProgramRun(
        "evaluate", ["--checkpoint", path, "--shards", world.heldOut, "--output-dir", output])
      for run in [try train(path, output: output), evaluation, try answer(["--checkpoint", path])] {
        #expect(run.exitCode == 65 && run.errors.contains(word), "\(run.errors)")
      }
      #expect(!FileManager.default.fileExists(atPath: output + "/checkpoints"))
    }
    let export = ["export", "--as", "llava", "--checkpoint", parts, "--output"]
    let existing = try ProgramRun("infer", export + [model])
    #expect(existing.exitCode == 64 && existing.errors.contains("is there already"), "\(existing.errors)")
    let tiny = try TinyJoinedModel(), output = directory.file("none")
    let mlp = try ProgramRun("infer", ["export", "--as", "llava", "--checkpoint", tiny.path, "--output", output])
    #expect(mlp.exitCode == 65 && mlp.errors.contains("an MLP of 16 hidden units"), "\(mlp.errors)")
    #expect(mlp.errors.contains("--projector mlp2x") && !FileManager.default.fileExists(atPath: output))
    let help = try ProgramRun("infer", ["export", "--help"])
    #expect(help.exitCode == 0 && help.output.contains("--as llava") && help.output.contains("pre-norm"))
  }
}
