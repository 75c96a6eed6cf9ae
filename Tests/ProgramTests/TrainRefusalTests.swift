import Carina
import Foundation
import TestSupport
import Testing

@Suite("Training programs, what they refuse") struct TrainRefusalTests {
  private let world: TrainingWorld
  private let run: TrainingOutput

  init() throws {
    world = try TrainingWorld.shared()
    run = try TrainingOutput()
  }

  /// A copy of one of the world's directories that may be damaged.
  private func copy(_ path: String) throws -> String {
    let target = run.directory.file((path as NSString).lastPathComponent)
    try FileManager.default.copyItem(atPath: path, toPath: target)
    return target
  }

  /// Expects a paragraph with these words on stderr, this exit code, and nothing half-written.
  private func expectRefusal(
    _ code: Int, _ words: [String], stage: Int = 2, prefix: String = "", _ extra: [String],
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let result = try world.train(
      stage: stage, output: run.path, ["--max-steps", "2"] + extra, shellPrefix: prefix)
    #expect(result.exitCode == code, "\(result.errors)", sourceLocation: sourceLocation)
    for word in words {
      #expect(result.errors.contains(word), "\(word) in: \(result.errors)", sourceLocation: sourceLocation)
    }
    #expect(!run.has("final_model"), sourceLocation: sourceLocation)
    #expect(try run.unfinished().isEmpty, sourceLocation: sourceLocation)
  }

  private func edit(_ path: String, _ change: (inout JSONObject) -> Void) throws {
    var object = try #require(JSONValue.parseFile(path).object)
    change(&object)
    try AtomicFile.write(JSONValue.object(object).serialized(), to: path)
  }

  @Test("what is not there is missing input")
  func missing() throws {
    let nowhere = run.directory.file("nowhere")
    try expectRefusal(66, [nowhere, "preprocess"], ["--train-shards", nowhere])
    try expectRefusal(66, [nowhere], ["--val-shards", nowhere])
    try expectRefusal(66, [nowhere, "--vision-model"], ["--vision-model", nowhere])
    try expectRefusal(66, [nowhere, "--llm"], ["--llm", nowhere])
    try expectRefusal(66, [nowhere, "projection_layer"], ["--stage1-projector-path", nowhere])
    let language = try copy(world.language)
    try FileManager.default.removeItem(atPath: language + "/tokenizer.json")
    try expectRefusal(66, [language, "tokenizer"], ["--llm", language])
    #expect(!run.has("run.json"))
  }

  @Test("a shard that is cut in half is bad data")
  func cutShard() throws {
    let shards = try copy(world.questions), file = shards + "/shard-00000.h5"
    let bytes = try Data(contentsOf: URL(fileURLWithPath: file))
    try bytes.prefix(bytes.count / 2).write(to: URL(fileURLWithPath: file))
    try expectRefusal(65, ["shard-00000.h5"], ["--train-shards", shards])
  }

  @Test("weights that are no weights, or not those of the configuration, are bad data")
  func badWeights() throws {
    let language = try copy(world.language), weights = language + "/model.safetensors"
    let bytes = try Data(contentsOf: URL(fileURLWithPath: weights))
    try Data().write(to: URL(fileURLWithPath: weights))
    try expectRefusal(65, [weights], ["--llm", language])
    // The first eight bytes are the header's length.
    var long = bytes
    long.replaceSubrange(0..<8, with: withUnsafeBytes(of: UInt64(bytes.count + 1).littleEndian) { Data($0) })
    try long.write(to: URL(fileURLWithPath: weights))
    try expectRefusal(65, [weights], ["--llm", language])
    try bytes.dropLast(100).write(to: URL(fileURLWithPath: weights))
    try expectRefusal(65, [weights], ["--llm", language])
    try bytes.write(to: URL(fileURLWithPath: weights))

    try edit(language + "/config.json") { $0["intermediate_size"] = 48 }
    try expectRefusal(65, ["mlp.", "48", "40"], ["--llm", language])
    try edit(language + "/config.json") { ($0["intermediate_size"], $0["model_type"]) = (40, "marsupial") }
    try expectRefusal(65, ["marsupial", language], ["--llm", language])
    let vision = try copy(world.vision)
    try edit(vision + "/config.json") { $0["model_type"] = "marsupial" }
    try expectRefusal(65, ["marsupial", vision], ["--vision-model", vision])
    try AtomicFile.write("{\"model_type\": ", to: vision + "/config.json")
    try expectRefusal(65, ["config.json"], ["--vision-model", vision])
  }

  @Test("images of another size than the vision encoder takes are bad data, and the remedy names the size")
  func imageSize() throws {
    let shards = run.directory.file("shards")
    _ = try Preprocessor.run(
      PreprocessOptions(
        records: "\(world.archive)/stage1_val.json", imageRoots: [world.archive], output: shards,
        transform: try ImageTransform(size: 48)))
    try expectRefusal(65, [shards, "48 pixels", "--image-size 32"], stage: 1, ["--train-shards", shards])
    let vision = try copy(world.vision)
    try FileManager.default.removeItem(atPath: vision + "/preprocessor_config.json")
    try expectRefusal(
      65, [shards, "--image-size 32"], stage: 1, ["--train-shards", shards, "--vision-model", vision])
  }

  @Test("a patient in training and validation is refused by name")
  func leakage() throws {
    let patient = try #require(ShardDirectory(world.questions).patients.sorted().first).text
    try expectRefusal(65, [patient, world.captions, "by patient"], ["--val-shards", world.captions])
  }

  @Test("wrong usage is 64 and says what would be right")
  func usage() throws {
    try expectRefusal(64, ["fp16", "bf16 or fp32"], ["--precision", "fp16"])
    try expectRefusal(64, ["--precision", "int3"], ["--precision", "int3"])
    try expectRefusal(64, ["--batch-size", "at least 1"], ["--batch-size", "0"])
    try expectRefusal(64, ["--warmup-ratio"], ["--warmup-ratio", "1.5"])
    try expectRefusal(64, ["--max-grad-norm"], ["--max-grad-norm", "-1"])
    try expectRefusal(64, ["--matmul"], ["--matmul", "abacus"])
    try expectRefusal(64, ["--projector-hidden", "at least 1"], stage: 1, ["--projector-hidden", "0"])
    try expectRefusal(
      64, ["--projector-hidden", "at most 1048576"], stage: 1, ["--projector-hidden", "9223372036854775807"])
    try expectRefusal(64, ["--lora-rank", "at most 65536"], ["--lora-rank", "9223372036854775807"])
    try expectRefusal(64, ["--prompt-style"], ["--prompt-style", "sonnet"])
    try expectRefusal(64, ["--no-such"], ["--no-such"])
    #expect(try ProgramRun("train-stage1", ["--train-shards", world.captions]).exitCode == 64)
    #expect(!run.has("run.json"))
  }

  @Test("stage 0 names its own options, and leaves nothing")
  func backboneUsage() throws {
    for (option, value) in [
      ("--decoder-layers", "-1"), ("--vision-layers", "0"), ("--text-layers", "-2"), ("--vision-width", "0"),
      ("--decoder-width", "-8"), ("--vision-batch-size", "0"), ("--language-epochs", "0"),
      ("--vision-learning-rate", "nan"), ("--patch-size", "0"), ("--vision-heads", "0"), ("--key-value-heads", "3"),
    ] {
      let result = try ProgramRun(
        "train-stage0", ["--train-shards", world.captions, "--output-dir", run.path, "\(option)=\(value)"])
      #expect(result.exitCode == 64 && result.errors.contains(option), "\(option): \(result.errors)")
    }
    #expect(!FileManager.default.fileExists(atPath: run.path))
  }

  @Test("a tokenizer that makes ids beyond the model's table is bad data")
  func foreignTokenizer() throws {
    let language = try copy(world.language)
    let decoder = Decoder(
      DecoderConfig(
        vocabularySize: 270, hiddenSize: 24, intermediateSize: 40, headCount: 2, keyValueHeadCount: 1, headSize: 12,
        layerIsLocal: [true, false], window: 16, localRotaryBase: 10_000, globalRotaryBase: 1_000_000,
        attentionScale: 0.3, maximumPositions: 1024, endTokens: [1], padToken: 0, beginToken: 2),
      from: RandomParameterSource(seed: 1))
    try ModelDirectoryWriter.write(decoder, to: language, type: .float32)
    try expectRefusal(65, ["ids below 270", "tokenizer that belongs"], ["--llm", language])
  }

  @Test("training that diverges ends with the step and a remedy")
  func divergence() throws {
    try expectRefusal(65, ["diverged at step", "--learning-rate"], ["--learning-rate", "1e38", "--warmup-ratio", "0"])
  }

  @Test("a run that would leave every weight as it was fails, and says what the cause is")
  func nothingTrained() throws {
    try expectRefusal(64, ["--learning-rate above 0", "would not change"], ["--learning-rate", "0"])
    // Found without a look at every step.
    try expectRefusal(
      64, ["--learning-rate above 0"], ["--learning-rate", "0", "--num-epochs", "1000000000000000"])
    try expectRefusal(
      64, ["the warm-up is no shorter than the run", "1, of which 1 are warm-up", "--warmup-ratio"],
      ["--max-steps", "1", "--warmup-ratio", "1"])
    #expect(!run.has("run.json"))
    // Below the smallest float32 above 0.
    let tiny = ["--learning-rate", "1e-60"]
    try expectRefusal(
      65, ["trained nothing", "float32", "Raise --learning-rate"], tiny + ["--save-every-n-steps", "1"])
    #expect(try run.steps().count == 2)
    // The same command goes on from the last checkpoint, with nothing left to do and nothing changed.
    try expectRefusal(65, ["trained nothing"], tiny)
    let short = try TrainingOutput()
    let trained = try world.train(stage: 2, output: short.path, ["--max-steps", "2", "--warmup-ratio", "1"])
    #expect(trained.exitCode == 0, "\(trained.errors)")
  }

  @Test("a path that cannot be written, and a disk without room, leave nothing half-written")
  func unwritable() throws {
    try expectRefusal(73, ["/proc/run"], ["--output-dir", "/proc/run"])
    try AtomicFile.write("a file", to: run.directory.file("taken"))
    try expectRefusal(73, ["taken/run"], ["--output-dir", run.directory.file("taken/run")])
    // The shell's limit on file size, in blocks of 512 bytes, stands for the disk: the log fits, the model does not.
    try expectRefusal(73, [run.path, "free space"], prefix: "ulimit -f 20;", [])
    #expect(try run.steps().count == 2)
    try FileManager.default.removeItem(atPath: run.path)
    try expectRefusal(73, [run.path, "free space"], prefix: "ulimit -f 20;", ["--save-every-n-steps", "1"])
    #expect(try run.steps().count == 1)
  }
}
