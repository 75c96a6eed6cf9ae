import Carina
import Foundation
import TestSupport
import Testing

@Suite("Programs, frozen weights in 8 bits") struct ByteWeightsTests {
  private static let int8 = ["--base-weights", "int8", "--vision-weights", "int8"]
  private static let lora = [
    "--lora-rank", "3", "--lora-alpha", "6", "--lora-dropout", "0.1", "--lora-lr", "0.02", "--batch-size", "2",
    "--gradient-accumulation-steps", "2", "--num-epochs", "2", "--max-steps", "10", "--save-every-n-steps", "2",
    "--seed", "5", "--unfreeze-projection-layer",
  ]

  private let world: TrainingWorld

  init() throws { world = try TrainingWorld.shared() }

  private func losses(_ run: TrainingOutput) throws -> [Double] { try run.steps().compactMap { $0["loss"]?.double } }

  @Test("adapters over a base in 8 bits: a killed run ends with the bits of a smooth one", arguments: ["fp32", "bf16"])
  func resuming(precision: String) throws {
    let options = Self.lora + ["--precision", precision]
    func train(_ run: TrainingOutput, _ extra: [String] = Self.int8, prefix: String = "") throws -> ProgramRun {
      try world.train(stage: 2, output: run.path, options + extra, shellPrefix: prefix)
    }
    let smooth = try TrainingOutput(), first = try train(smooth)
    #expect(first.exitCode == 0, "\(first.errors)")
    for name in ["base-weights", "vision-weights"] {
      let line = first.errors.split(separator: "\n").first { $0.hasPrefix("  \(name) ") }
      #expect(line?.hasSuffix(" int8") == true, "\(first.errors)")
    }
    let (killed, _) = try TrainingOutput.stopped(
      by: "KILL", when: { "-e '\($0.file("checkpoints/step-4"))'" }, code: 137
    ) { try train($0, prefix: $1) }
    #expect(!killed.has("final_model"))
    let other = try train(killed, [])
    #expect(other.exitCode == 64 && other.errors.contains("base_weights"), "\(other.errors)")
    let revived = try train(killed)
    #expect(revived.exitCode == 0, "\(revived.errors)")
    #expect(try killed.numbers() == smooth.numbers())
    let (found, expected) = (try killed.bytes(under: "final_model"), try smooth.bytes(under: "final_model"))
    #expect(found.keys.sorted() == expected.keys.sorted() && found.count > 6)
    for (name, bytes) in expected { #expect(found[name] == bytes, "\(name)") }

    let full = try TrainingOutput()
    #expect(try train(full, []).exitCode == 0)
    let records = try [smooth, full].map { try JSONValue.parseFile($0.file("run.json"))["configuration"] }
    #expect(records[0]?["base_weights"]?.string == "int8" && records[0]?["vision_weights"]?.string == "int8")
    #expect(records[1]?["base_weights"] == nil && records[1]?["vision_weights"] == nil)
    #expect(records[0]?["byte_rounding"]?.int == 4 && records[1]?["byte_rounding"] == nil)
    let (rounded, plain) = (try losses(smooth), try losses(full))
    #expect(rounded != plain && rounded.count == 10)
    expectClose(rounded, plain, relative: 0.02)
  }

  @Test("a run of a version that rounded otherwise is refused unless told, and its record then says so")
  func otherRounding() throws {
    let run = try TrainingOutput(), options = Self.lora + Self.int8 + ["--precision", "fp32", "--max-steps", "6"]
    func train(_ extra: [String] = []) throws -> ProgramRun {
      try world.train(stage: 2, output: run.path, options + extra)
    }
    #expect(try train(["--max-steps", "4"]).exitCode == 0)
    var record = try #require(JSONValue.parseFile(run.file("run.json")).object)
    var configuration = try #require(record["configuration"]?.object)
    #expect(configuration["byte_rounding"]?.int == 4)
    // What came before the number was kept.
    configuration["byte_rounding"] = nil
    record["configuration"] = .object(configuration)
    try JSONValue.object(record.sealed()).write(to: run.file("run.json"))
    for step in [2, 4] {
      let path = run.file("checkpoints/step-\(step)/state.json")
      var state = try #require(JSONValue.parseFile(path).object)
      var progress = try #require(state["progress"]?.object)
      progress["configuration_hash"] = .string(try ConfigurationHash.of(.object(configuration)))
      state["progress"] = .object(progress)
      try JSONValue.object(state.sealed()).write(to: path)
    }
    let refused = try train(["--max-steps", "4"])
    #expect(refused.exitCode == 64, "\(refused.errors)")
    for words in ["byte_rounding was 1, is 4", "rounds to 8 bits in another way", "--resume-anyway"] {
      #expect(refused.errors.contains(words), "\(words): \(refused.errors)")
    }
    #expect(!refused.errors.contains("base_weights"))
    let branch = try train(["--resume-anyway"])
    #expect(branch.exitCode == 0 && branch.errors.contains("byte_rounding was 1, is 4"), "\(branch.errors)")
    let found = try JSONValue.parseFile(run.file("run.json"))
    #expect(found["configuration"]?["byte_rounding"]?.int == 4)
    #expect(try train().output.contains("already done"))
  }

  @Test("stage 1 over rounded weights follows the curve of full ones, whatever the number of threads")
  func stage1() throws {
    let options = ["--batch-size", "4", "--num-epochs", "1", "--max-steps", "6", "--seed", "3"]
    let runs = try [[], Self.int8, Self.int8 + ["--threads", "3"]].map { extra in
      let run = try TrainingOutput()
      let result = try world.train(
        stage: 1, output: run.path, options + ["--val-shards", world.heldOut] + extra)
      #expect(result.exitCode == 0, "\(result.errors)")
      return run
    }
    let curves = try runs.map { try losses($0) }
    #expect(curves[1] != curves[0])
    expectClose(curves[1], curves[0], relative: 0.02)
    expectClose(curves[2], curves[1], relative: 1e-5)
  }

  @Test("rounded weights that are trained themselves are refused before a weight is read, and other widths too")
  func refusals() throws {
    let base = ["--base-weights", "int8"], vision = ["--vision-weights", "int8"]
    let cases: [(options: [String], texts: [String])] = [
      (base, ["--base-weights int8 and --unfreeze-llm cannot go together", "--lora-rank 16"]),
      (base + ["--unfreeze-llm"], ["--base-weights int8 and --unfreeze-llm"]),
      (
        vision + ["--train-ve-first-epoch"],
        ["--vision-weights int8 and --train-ve-first-epoch cannot go together", "a frozen vision encoder"]
      ),
      (["--base-weights", "int4"], ["--base-weights"]), (["--vision-weights", "8"], ["--vision-weights"]),
    ]
    for (options, texts) in cases {
      // A decoder that is not there would be an error of its own, were it looked for.
      let run = try TrainingOutput()
      let refused = try world.train(
        stage: 2, output: run.path, ["--max-steps", "1", "--llm", run.file("nowhere")] + options)
      #expect(refused.exitCode == 64, "\(options): \(refused.errors)")
      for text in texts { #expect(refused.errors.contains(text), "\(refused.errors)") }
      #expect(!run.has("run.json"))
    }
  }

  @Test("kept features of rounded and of full weights are not taken for one another")
  func features() throws {
    let directory = try TemporaryDirectory(), cache = ["--cache-vision-features", directory.file("features.h5")]
    func train(_ extra: [String]) throws -> ProgramRun {
      try world.train(stage: 1, output: try TrainingOutput().path, ["--max-steps", "2", "--batch-size", "2"] + extra)
    }
    #expect(try train(cache).exitCode == 0)
    let refused = try train(cache + ["--vision-weights", "int8"])
    #expect(refused.exitCode == 65 && refused.errors.contains("another encoder"), "\(refused.errors)")
    #expect(try train(cache + ["--base-weights", "int8"]).exitCode == 0)
  }

  @Test("the scores of an evaluation say which matrices were rounded", arguments: ["--weights", "--vision-weights"])
  func identity(option: String) throws {
    let tiny = try TinyEvaluation()
    func model(_ name: String, _ extra: [String]) throws -> JSONValue? {
      let run = try ProgramRun(
        "evaluate",
        [
          "--checkpoint", tiny.checkpoint, "--shards", tiny.shards, "--output-dir", tiny.directory.file(name),
          "--max-new-tokens", "1", "--bootstrap", "0", "--batch-size", "2",
        ] + extra)
      #expect(run.exitCode == 0, "\(run.errors)")
      return try JSONValue.parseFile(tiny.directory.file("\(name)/metrics.json"))["facts"]
    }
    let full = try model("full", []), rounded = try model("rounded", [option, "int8"])
    #expect(full != nil && full?[String(option.dropFirst(2))] == nil)
    #expect(rounded?[String(option.dropFirst(2))]?.string == "int8")
  }

  @Test("infer and evaluate round the vision encoder and say so", arguments: ["fp32", "bf16"])
  func asking(precision: String) throws {
    let tiny = try TinyEvaluation()
    func evaluate(_ name: String, _ extra: [String]) throws -> JSONValue {
      let run = try ProgramRun(
        "evaluate",
        [
          "--checkpoint", tiny.checkpoint, "--shards", tiny.shards, "--output-dir", tiny.directory.file(name),
          "--precision", precision, "--max-new-tokens", "5", "--bootstrap", "0", "--likelihood", "--batch-size", "2",
        ] + extra)
      #expect(run.exitCode == 0, "\(run.errors)")
      #expect(run.errors.contains(#/vision-weights +int8/#) == !extra.isEmpty)
      return try JSONValue.parseFile(tiny.directory.file("\(name)/metrics.json"))
    }
    let full = try evaluate("full", []), rounded = try evaluate("rounded", ["--vision-weights", "int8"])
    #expect(try rounded.serialized().contains("\"vision-weights\": \"int8\""))
    #expect(try !full.serialized().contains("vision-weights"))
    let losses = [rounded, full].compactMap { $0["metrics"]?["nll-per-token"]?["value"]?.double }
    if losses.count == 2 {
      #expect(losses[0] != losses[1])
      expectClose([losses[0]], [losses[1]], relative: 0.02)
    }

    let model = try TinyJoinedModel(seed: 8)
    let answer = try ProgramRun(
      "infer",
      [
        "--checkpoint", model.path, "--image-path", try model.image(1), "--question", "is there an effusion?",
        "--max-new-tokens", "7", "--precision", precision, "--vision-weights", "int8",
      ])
    #expect(answer.exitCode == 0 && answer.errors.contains(#/vision-weights +int8/#), "\(answer.errors)")
    let wrong = try ProgramRun("infer", ["--checkpoint", model.path, "--vision-weights", "int4"])
    #expect(wrong.exitCode == 64, "\(wrong.errors)")
  }
}
