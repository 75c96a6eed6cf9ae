import Carina
import Foundation
import TestSupport
import Testing

/// Models as people bring them, through the programs.
@Suite("Programs, models that others made") struct ForeignModelTests {
  private let world: TrainingWorld
  private let directory: TemporaryDirectory

  init() throws {
    world = try TrainingWorld.shared()
    directory = try TemporaryDirectory()
  }

  /// The tower of the world with other image settings.
  private func tower(_ settings: [(file: String, content: JSONValue)]) throws -> String {
    let path = directory.file("tower-\(UUID().uuidString.prefix(8))")
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    for name in ["config.json", "model.safetensors"] {
      try FileManager.default.copyItem(atPath: "\(world.vision)/\(name)", toPath: "\(path)/\(name)")
    }
    for (file, content) in settings { try content.write(to: "\(path)/\(file)") }
    return path
  }

  private static let bilinear: JSONValue = [
    "processor_class": "SiglipProcessor",
    "image_processor": [
      "image_processor_type": "SiglipImageProcessor", "size": ["height": 32, "width": 32], "resample": 2,
      "image_mean": [0.25, 0.5, 0.75],
    ],
  ]

  private func preprocess(_ model: String, output: String, _ extra: [String] = []) throws -> ProgramRun {
    try ProgramRun(
      "preprocess",
      [
        "--json", "\(world.archive)/stage2_train.json", "--image-root", world.archive, "--output", output, "--limit",
        "6", "--vision-model", model,
      ] + extra)
  }

  @Test("preprocess takes size, filter and normalisation from the model, and refuses what contradicts it")
  func preprocessing() throws {
    let model = try tower([("processor_config.json", Self.bilinear)]), output = directory.file("shards")
    let run = try preprocess(model, output: output)
    #expect(run.exitCode == 0, "\(run.errors)")
    #expect(run.errors.contains("\(model)/processor_config.json, image_processor"))
    let transform = try ShardDirectory(output).transform
    #expect(transform.size == 32 && transform.filter == .bilinear && transform.mean == [0.25, 0.5, 0.75])
    for (option, value) in [("--image-size", "64"), ("--resize-filter", "bicubic")] {
      let refused = try preprocess(model, output: directory.file("none"), [option, value])
      #expect(refused.exitCode == 64 && refused.errors.contains("\(option) is not what the model"), "\(refused.errors)")
      #expect(!FileManager.default.fileExists(atPath: directory.file("none")))
    }
    #expect(try preprocess(model, output: directory.file("same"), ["--image-size", "32"]).exitCode == 0)
    let assumed = try preprocess(tower([]), output: directory.file("assumed"))
    #expect(assumed.exitCode == 0 && assumed.errors.contains("assumed 32 x 32 pixels, bicubic"), "\(assumed.errors)")
    let plain = try ShardDirectory(directory.file("assumed"))
    #expect(plain.transform == (try ImageTransform(size: 32)))
    #expect(
      try preprocess("nobody/nothing", output: directory.file("none")).errors.contains("--vision-model"))
  }

  @Test("shards of another filter than the model's are refused by training, scoring and nothing else")
  func mismatch() throws {
    let model = try tower([("processor_config.json", Self.bilinear)]), own = directory.file("own")
    #expect(try preprocess(model, output: own).exitCode == 0)
    let run = try TrainingOutput()
    let refused = try world.train(stage: 2, output: run.path, ["--vision-model", model, "--max-steps", "1"])
    #expect(refused.exitCode == 65 && refused.errors.contains("expected bilinear, found bicubic"), "\(refused.errors)")
    let parts = ["--vision-model", model, "--llm-path", world.language, "--projector-path", world.projector]
    let common = ["--precision", "fp32", "--max-new-tokens", "2", "--bootstrap", "0", "--threads", "1"]
    let wrong = try ProgramRun(
      "evaluate", parts + common + ["--shards", world.heldOut, "--output-dir", directory.file("wrong")])
    #expect(wrong.exitCode == 65 && wrong.errors.contains("expected bilinear, found bicubic"), "\(wrong.errors)")
    let trained = try world.train(
      stage: 2, output: run.path,
      ["--train-shards", own, "--vision-model", model, "--max-steps", "2", "--batch-size", "2", "--warmup-ratio", "0"])
    #expect(trained.exitCode == 0, "\(trained.errors)")
    let final = run.file("final_model")
    let scored = try ProgramRun(
      "evaluate", common + ["--checkpoint", final, "--shards", own, "--output-dir", directory.file("right")])
    #expect(scored.exitCode == 0, "\(scored.errors)")
    // Where the model says nothing, the filter is the shards', and the header says what is assumed.
    let silent = try TrainingOutput()
    let taken = try world.train(
      stage: 1, output: silent.path,
      ["--train-shards", own, "--vision-model", try tower([]), "--max-steps", "1", "--batch-size", "2"])
    #expect(taken.exitCode == 0 && taken.errors.contains("image-settings"), "\(taken.errors)")
    #expect(try CarinaManifest(path: silent.file("final_model/carina.json")).transform().filter == .bilinear)
    // A finished run is a model too.
    #expect(try preprocess(final, output: directory.file("again")).exitCode == 0)
    #expect(try ShardDirectory(directory.file("again")).transform == ShardDirectory(own).transform)
  }

  @Test("a head of its own is trained by stage 2, written, and gone on with to the same bits")
  func ownHead() throws {
    let language = directory.file("untied")
    try FileManager.default.copyItem(atPath: world.language, toPath: language)
    let weights = try WeightsDirectory(path: world.language)
    var tensors = try weights.names.map { (name: $0, tensor: try weights.tensor(named: $0, on: TestBackend.chosen)) }
    let table = try #require(tensors.first { $0.name == "model.embed_tokens.weight" }).tensor
    let head = Tensor(table.values.reversed(), shape: table.shape, on: TestBackend.chosen)
    tensors.append((name: "lm_head.weight", tensor: head))
    try SafetensorsWriter.write(tensors, to: "\(language)/model.safetensors")

    let options = [
      "--llm", language, "--batch-size", "4", "--gradient-accumulation-steps", "1", "--num-epochs", "2",
      "--save-every-n-steps", "2",
    ]
    let smooth = try TrainingOutput()
    let whole = try world.train(stage: 2, output: smooth.path, options)
    #expect(whole.exitCode == 0, "\(whole.errors)")
    #expect(whole.errors.contains("holds other numbers; they are used"), "\(whole.errors)")
    let final = ModelDirectory(path: smooth.file("final_model/language_model"))
    #expect(try final.configuration()["tie_word_embeddings"] == false)
    let trained = try final.weights()
    let after = try trained.tensor(named: "lm_head.weight", on: TestBackend.chosen).values
    #expect(after != head.values && after != table.values)
    #expect(try trained.tensor(named: "model.embed_tokens.weight", on: TestBackend.chosen).values != table.values)

    let (stopped, _) = try TrainingOutput.stopped(
      by: "KILL", when: { "-e '\($0.file("checkpoints/step-2"))'" }, code: 137
    ) { try world.train(stage: 2, output: $0.path, options, shellPrefix: $1) }
    #expect(try world.train(stage: 2, output: stopped.path, options).exitCode == 0)
    #expect(
      try stopped.bytes(under: "final_model")["language_model/model.safetensors"]
        == smooth.bytes(under: "final_model")["language_model/model.safetensors"])
    let images = try FileManager.default.contentsOfDirectory(atPath: world.archive + "/images").sorted()
    let image = try #require(images.first)
    let answer = try ProgramRun(
      "infer",
      [
        "--checkpoint", smooth.file("final_model"), "--image-path", "\(world.archive)/images/\(image)", "--question",
        "Is the heart enlarged?", "--precision", "fp32", "--max-new-tokens", "2",
      ])
    #expect(answer.exitCode == 0, "\(answer.errors)")
  }
}
