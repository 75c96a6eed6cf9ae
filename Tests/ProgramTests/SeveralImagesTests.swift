import Foundation
import TestSupport
import Testing

import Carina

/// Questions about a current radiograph and a prior one, from `preprocess` to `infer`.
@Suite struct SeveralImagesTests {
  private let directory: TemporaryDirectory
  private let world: TrainingWorld
  private var shards: String { directory.file("shards") }

  init() throws {
    directory = try TemporaryDirectory()
    world = try TrainingWorld.shared()
    let own = try #require(JSONValue.parseFile(world.archive + "/stage2_train.json").array).prefix(24)
    let records = own.enumerated().map { index, record -> JSONValue in
      var record = record.object ?? JSONObject()
      record["patient"] = nil
      if index % 3 != 2, let image = record["image"], let prior = own[(index + 7) % own.count]["image"] {
        record["image"] = [image, prior]
      }
      return .object(record)
    }
    let nine = JSONValue.array((0..<9).map { own[$0]["image"] ?? "" })
    try JSONValue.array(records + [["image": nine, "problem": "Too many?", "normal_caption": "yes", "id": "nine"]])
      .write(to: directory.file("records.json"))
    let run = try ProgramRun("preprocess", arguments(shards))
    #expect(run.exitCode == 0, "\(run.errors)")
    #expect(
      run.output.contains("names 9 images") || run.errors.contains("names 9 images"), "\(run.output)\(run.errors)")
  }

  private func arguments(_ output: String) -> [String] {
    [
      "--json", directory.file("records.json"), "--image-root", world.archive, "--output", output, "--image-size", "32",
      "--shard-size", "1", "--threads", "1",
    ]
  }

  private func contents(_ path: String) throws -> [String: Data] {
    let files = FileManager.default
    return Dictionary(
      uniqueKeysWithValues: try files.subpathsOfDirectory(atPath: path).filter { $0.contains(".") }.map {
        ($0, files.contents(atPath: path + "/" + $0) ?? Data())
      })
  }

  @Test("killed at random moments, the shards end in the bytes of a run that was not; inspect and verify know them")
  func killed() throws {
    let expected = try contents(shards)
    #expect(try ShardManifest.read(shards).version == 3 && expected.count > 5)
    let started = ProcessInfo.processInfo.systemUptime
    #expect(try ProgramRun("preprocess", arguments(directory.file("again"))).exitCode == 0)
    let seconds = ProcessInfo.processInfo.systemUptime - started
    var random = SeededGenerator(seed: 6, stream: "moments to kill at")
    for _ in 0..<4 {
      _ = try ProgramRun(
        "preprocess", arguments(directory.file("killed")), killAfter: seconds * random.uniform(in: 0.1..<0.9))
    }
    let run = try ProgramRun("preprocess", arguments(directory.file("killed")))
    #expect(run.exitCode == 0, "\(run.errors)")
    #expect(try contents(directory.file("killed")) == expected)
    let inspected = try ProgramRun("preprocess", ["inspect", shards, "--show", "1"])
    #expect(inspected.exitCode == 0 && inspected.output.contains("several images  16 samples, at most 2"))
    #expect(try ProgramRun("preprocess", ["verify", shards]).exitCode == 0)
    #expect(try ProgramRun("preprocess", ["upgrade", shards]).exitCode == 0)
    #expect(try contents(shards) == expected)
  }

  @Test("both stages train on them, with kept features to the same weights; stage 0 refuses them by name")
  func training() throws {
    func train(_ stage: Int, _ name: String, _ extra: [String] = []) throws -> ProgramRun {
      try world.train(
        stage: stage, output: directory.file(name),
        ["--train-shards", shards, "--num-epochs", "1", "--batch-size", "4", "--gradient-accumulation-steps", "1"]
          + extra)
    }
    for stage in [1, 2] {
      let run = try train(stage, "stage\(stage)")
      #expect(run.exitCode == 0, "\(run.errors)")
    }
    let kept = try train(1, "kept", ["--cache-vision-features", directory.file("features.h5")])
    #expect(kept.exitCode == 0, "\(kept.errors)")
    let weights = "final_model/projection_layer/model.safetensors"
    let bytes = try Data(contentsOf: URL(fileURLWithPath: directory.file("stage1/\(weights)")))
    #expect(try bytes == Data(contentsOf: URL(fileURLWithPath: directory.file("kept/\(weights)"))))
    let backbone = try ProgramRun(
      "train-stage0",
      [
        "--train-shards", shards, "--output-dir", directory.file("stage0"), "--vocabulary-size", "400", "--patch-size",
        "16", "--vision-width", "16", "--vision-layers", "1", "--vision-heads", "2", "--text-layers", "1",
        "--decoder-width", "16", "--decoder-layers", "2", "--decoder-heads", "2", "--key-value-heads", "1", "--threads",
        "1",
      ])
    #expect(backbone.exitCode == 65, "\(backbone.errors)")
    #expect(backbone.errors.contains("shows 2 images, which cannot be paired"), "\(backbone.errors)")
  }

  @Test("evaluated in all arms and asked by path, in a file and in a conversation")
  func answers() throws {
    let run = try world.train(
      stage: 2, output: directory.file("run"),
      ["--train-shards", shards, "--max-steps", "2", "--batch-size", "4", "--gradient-accumulation-steps", "1"])
    #expect(run.exitCode == 0, "\(run.errors)")
    let checkpoint = ["--checkpoint", directory.file("run/final_model"), "--precision", "fp32", "--threads", "1"]
    let evaluated = try ProgramRun(
      "evaluate",
      checkpoint + [
        "--shards", shards, "--output-dir", directory.file("results"), "--arms", "true,shuffled,blank", "--bootstrap",
        "10", "--max-new-tokens", "5", "--likelihood",
      ])
    #expect(evaluated.exitCode == 0, "\(evaluated.errors)")
    let predictions = directory.file("results/predictions.jsonl")
    let first = try String(contentsOfFile: predictions, encoding: .utf8).split(separator: "\n").map {
      try JSONValue.parse(String($0), source: "line")
    }
    #expect(first.count == 24 && first[0]["image"]?.array?.count == 2 && first[2]["image"]?.string != nil)
    let again = try ProgramRun(
      "evaluate", ["--predictions", predictions, "--output-dir", directory.file("scores"), "--bootstrap", "10"])
    #expect(again.exitCode == 0, "\(again.errors)")

    let names = try #require(first[0]["image"]?.array).compactMap(\.string)
    let paths = names.map { "\(world.archive)/\($0)" }, question = try #require(first[0]["question"]?.string)
    let limit = ["--max-new-tokens", "5"]
    func infer(_ arguments: [String], input: String? = nil) throws -> ProgramRun {
      guard let input else { return try ProgramRun("infer", checkpoint + limit + arguments) }
      try AtomicFile.write(input, to: directory.file("stdin"))
      return try ProgramRun(
        "infer", checkpoint + limit + arguments, shellPrefix: "exec < '\(directory.file("stdin"))';")
    }
    let both = ["--image-path", paths[0], "--image-path", paths[1]]
    let asked = try infer(both + ["--question", question])
    #expect(asked.exitCode == 0 && asked.output == "\(first[0]["prediction"]?.string ?? "")\n", "\(asked.errors)")
    #expect(asked.errors.contains(paths[0]) && asked.errors.contains(paths[1]))
    // A file: a list, one alone, a mark too few, nine.
    let nine = JSONValue.array(Array(repeating: .string(names[0]), count: 9))
    let lines: [JSONValue] = [
      ["image": .array(names.map(JSONValue.string)), "question": .string(question), "id": 1],
      ["image": .string(names[0]), "question": .string(question), "id": 2],
      ["image": .array(names.map(JSONValue.string)), "question": .string("<image> " + question), "id": 3],
      ["image": nine, "question": .string(question), "id": 4],
    ]
    try AtomicFile.write(lines.map { try $0.serialized() + "\n" }.joined(), to: directory.file("q.jsonl"))
    let many = try infer(["--input", directory.file("q.jsonl"), "--image-root", world.archive, "--json"])
    #expect(many.exitCode == 65, "\(many.errors)")
    let records = try many.output.split(separator: "\n").map { try JSONValue.parse(String($0), source: "stdout") }
    #expect(records.map { $0["id"]?.int } == [1, 2, 3, nil] && records[0]["answer"] == first[0]["prediction"])
    #expect(records[0]["image"] == .array(paths.map(JSONValue.string)) && records[1]["image"] == .string(paths[0]))
    #expect(records[2]["error"]?.string?.contains("1 mark <image> for 2 images") == true)
    #expect(records[3]["error"]?.string?.contains("names 9 images") == true)
    // A conversation begins as the question alone, and goes on.
    let talk = try infer(both + ["--json"], input: "\(question)\nAnd now?\n")
    #expect(talk.exitCode == 0, "\(talk.errors)")
    let turns = try talk.output.split(separator: "\n").map { try JSONValue.parse(String($0), source: "stdout") }
    #expect(turns.count == 2 && turns[0]["answer"] == first[0]["prediction"])
    #expect((turns[1]["prompt_tokens"]?.int ?? 0) > (turns[0]["prompt_tokens"]?.int ?? 0))
    let tooMany = try infer((0..<9).flatMap { _ in ["--image-path", paths[0]] } + ["--question", "q"])
    #expect(tooMany.exitCode == 64 && tooMany.errors.contains("there are 9 images"), "\(tooMany.errors)")
  }
}
