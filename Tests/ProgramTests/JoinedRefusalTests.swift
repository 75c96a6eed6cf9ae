import Carina
import Foundation
import TestSupport
import Testing

/// Joined checkpoints that cannot be used, through every program that takes one.
@Suite("Programs, joined Gemma 3 refused") struct JoinedRefusalTests {
  private let joined: JoinedWorld
  private let directory: TemporaryDirectory

  init() throws {
    joined = try JoinedWorld.shared()
    directory = try TemporaryDirectory()
  }

  /// The model with other keys in one of its files.
  private func changed(_ file: String, _ keys: [(String, JSONValue)]) throws -> String {
    let path = directory.file("model-\(UUID().uuidString.prefix(8))")
    try FileManager.default.copyItem(atPath: joined.model, toPath: path)
    var document = try #require(try JSONValue.parseFile("\(path)/\(file)").object)
    for (key, value) in keys { document[key] = value }
    try JSONValue.object(document).write(to: "\(path)/\(file)")
    return path
  }

  /// Runs the three programs on a checkpoint.
  private func expectRefused(_ checkpoint: String, code: Int, _ words: String) throws {
    let output = directory.file("output-\(UUID().uuidString.prefix(8))")
    let images = try FileManager.default.contentsOfDirectory(atPath: joined.world.archive + "/images").sorted()
    let runs = [
      try joined.train(checkpoint, output: output),
      try ProgramRun(
        "evaluate", ["--checkpoint", checkpoint, "--shards", joined.world.heldOut, "--output-dir", output]),
      try ProgramRun(
        "infer",
        [
          "--checkpoint", checkpoint, "--image-path", "\(joined.world.archive)/images/\(images[0])", "--question",
          "Why?",
        ]),
    ]
    for run in runs { #expect(run.exitCode == code && run.errors.contains(words), "\(run.errors)") }
    #expect(!FileManager.default.fileExists(atPath: output + "/checkpoints"))
  }

  @Test("a decoder alone, pan and scan, rows that do not divide the grid, ids outside the vocabulary, a missing shard")
  func refused() throws {
    try expectRefused(joined.world.language, code: 65, "is no joined model")
    try expectRefused(
      changed("preprocessor_config.json", [("do_pan_and_scan", true)]), code: 65, "do_pan_and_scan")
    try expectRefused(changed("config.json", [("mm_tokens_per_image", 9)]), code: 65, "mm_tokens_per_image")
    try expectRefused(changed("config.json", [("image_token_index", 99_999)]), code: 65, "outside the vocabulary")
    let lacking = directory.file("lacking")
    try FileManager.default.copyItem(atPath: joined.model, toPath: lacking)
    try FileManager.default.removeItem(atPath: lacking + "/model.safetensors")
    try (["weight_map": ["a": "model-00001-of-00001.safetensors"]] as JSONValue).write(
      to: lacking + "/model.safetensors.index.json")
    try expectRefused(lacking, code: 66, "shards that the index names are not there")
    try expectRefused(directory.file("nothing"), code: 66, "--checkpoint")
  }

  @Test("parts of such a model are refused where they are wrong, by the programs that take parts")
  func parts() throws {
    let uneven = try changed("config.json", [("mm_tokens_per_image", 9)])
    for (stage, option) in [(1, "--init-projector"), (2, "--stage1-projector-path")] {
      let run = try joined.world.train(
        stage: stage, output: directory.file("run"), ["--vision-model", uneven, "--llm", uneven, option, uneven])
      #expect(run.exitCode == 65 && run.errors.contains("mm_tokens_per_image"), "\(run.errors)")
    }
    let panning = try changed("preprocessor_config.json", [("do_pan_and_scan", true)])
    let shards = try ProgramRun(
      "preprocess",
      [
        "--json", "\(joined.world.archive)/stage2_train.json", "--image-root", joined.world.archive, "--output",
        directory.file("shards"), "--vision-model", panning,
      ])
    #expect(shards.exitCode == 65 && shards.errors.contains("do_pan_and_scan"), "\(shards.errors)")
  }

  @Test("a checkpoint and parts, neither of them, and a model that no such directory can hold")
  func usage() throws {
    let both = try joined.train(joined.model, output: directory.file("run"), ["--llm", joined.world.language])
    #expect(both.exitCode == 64 && both.errors.contains("--checkpoint and --llm cannot go together"), "\(both.errors)")
    let neither = try ProgramRun(
      "train-stage2", ["--train-shards", joined.world.questions, "--output-dir", directory.file("run"), "--llm", "x"])
    #expect(neither.exitCode == 64 && neither.errors.contains("no --vision-model and no --stage1-projector-path"))
    let tiny = try TinyJoinedModel(), output = directory.file("exported")
    let mlp = try ProgramRun(
      "infer", ["export", "--as", "gemma3", "--checkpoint", tiny.path, "--output", output])
    #expect(mlp.exitCode == 65 && mlp.errors.contains("an MLP of 16 hidden units"), "\(mlp.errors)")
    #expect(!FileManager.default.fileExists(atPath: output))
    let other = try ProgramRun("infer", ["export", "--as", "onnx", "--checkpoint", tiny.path, "--output", output])
    #expect(other.exitCode == 64)
    let written = try ProgramRun(
      "infer", ["export", "--as", "gemma3", "--checkpoint", joined.parts, "--output", output])
    #expect(written.exitCode == 0 && written.errors.contains("rows were added"), "\(written.errors)")
    let again = try ProgramRun("infer", ["export", "--as", "gemma3", "--checkpoint", joined.parts, "--output", output])
    #expect(again.exitCode == 64 && again.errors.contains("is there already"), "\(again.errors)")
  }
}
