import Carina
import Foundation
import TestSupport
import Testing

@Suite("Programs, where they compute") struct DeviceTests {
  private let world: TrainingWorld
  private let run: TrainingOutput

  init() throws {
    world = try TrainingWorld.shared()
    run = try TrainingOutput()
  }

  private func train(_ extra: [String], stage: Int = 1) throws -> ProgramRun {
    try world.train(
      stage: stage, output: run.path,
      ["--batch-size", "2", "--gradient-accumulation-steps", "1", "--max-steps", "4", "--warmup-ratio", "0"] + extra)
  }

  /// The header's line of the device.
  private func line(_ result: ProgramRun) -> String {
    result.errors.split(separator: "\n").first { $0.hasPrefix("  device ") }.map(String.init) ?? result.errors
  }

  @Test("without a GPU the processor computes, the header says why, and the record is as it always was")
  func automatic() throws {
    let result = try train([])
    #expect(result.exitCode == 0, "\(result.errors)")
    #expect(line(result).contains("processor, ") && line(result).contains("(auto: "), "\(result.errors)")
    let record = try JSONValue.parseFile(run.file("run.json"))
    #expect(record["environment"]?["device"] == nil && record["environment"]?["processor"]?.string != nil)
    #expect(try !JSONValue.parseFile(run.file("run.json")).serialized().contains("\"device\""))
  }

  @Test("a processor that was named stands without a reason, and one that another option asks for with it")
  func processor() throws {
    let named = try train(["--device", "cpu", "--dry-run"])
    #expect(
      named.exitCode == 0 && line(named).contains("processor, ") && !line(named).contains("auto"), "\(named.errors)")
    let library = try train(["--matmul", "openblas", "--dry-run"])
    #expect(
      library.exitCode == 0 && line(library).contains("OpenBLAS")
        && line(library).contains("(auto: --matmul openblas is the processor's)"), "\(library.errors)")
    let rounded = try train(["--base-weights", "int8", "--dry-run"])
    #expect(
      rounded.exitCode == 0 && line(rounded).contains("(auto: --base-weights int8 is the processor's)"),
      "\(rounded.errors)")
  }

  @Test("fresh backbones and answers have the line too")
  func otherPrograms() throws {
    let fresh = try ProgramRun(
      "train-stage0",
      [
        "--train-shards", world.captions, "--output-dir", run.path, "--vocabulary-size", "300", "--device", "cpu",
        "--vision-epochs", "1", "--language-epochs", "1", "--vision-batch-size", "4", "--language-batch-size", "4",
        "--vision-layers", "1",
        "--text-layers", "1",
        "--decoder-layers", "1", "--threads", "1",
      ])
    #expect(fresh.exitCode == 0 && line(fresh).contains("processor, "), "\(fresh.errors)")
    let scored = try ProgramRun("evaluate", asking + ["--shards", world.heldOut, "--output-dir", run.file("scores")])
    #expect(scored.exitCode == 0 && line(scored).contains("(auto: "), "\(scored.errors)")
  }

  private var asking: [String] {
    [
      "--vision-model", world.vision, "--llm-path", world.language, "--projector-path", world.projector, "--precision",
      "fp32", "--max-new-tokens", "2", "--threads", "1",
    ]
  }

  @Test("a GPU that is not there is refused by every program, with what to do and nothing written")
  func absent() throws {
    let image = try #require(FileManager.default.contentsOfDirectory(atPath: world.archive + "/images").min())
    let runs = [
      try train(["--device", "cuda"]), try train(["--device", "cuda:0"], stage: 2),
      try ProgramRun(
        "train-stage0", ["--train-shards", world.captions, "--output-dir", run.path, "--device", "cuda"]),
      try ProgramRun(
        "train-stage0",
        ["--train-shards", world.captions, "--output-dir", run.path, "--vision-model", "x", "--device", "cuda"]),
      try ProgramRun(
        "evaluate", asking + ["--shards", world.heldOut, "--output-dir", run.path, "--device", "cuda"]),
      try ProgramRun(
        "infer",
        asking + ["--image-path", "\(world.archive)/images/\(image)", "--question", "Where?", "--device", "cuda"]),
    ]
    for result in runs {
      #expect(result.exitCode == 64, "\(result.errors)")
      #expect(result.errors.contains("--device cuda:0 cannot be used: "), "\(result.errors)")
      #expect(result.errors.contains("use --device cpu."), "\(result.errors)")
    }
    #expect(!FileManager.default.fileExists(atPath: run.path))
  }

  @Test("words that are none, and options that are the processor's, are refused by name")
  func refused() throws {
    let wrong = try train(["--device", "gpu"])
    #expect(
      wrong.exitCode == 64 && wrong.errors.contains("--device is not known") && wrong.errors.contains("cuda:N"),
      "\(wrong.errors)")
    let library = try train(["--device", "cuda", "--matmul", "onednn"])
    #expect(
      library.exitCode == 64 && library.errors.contains("--matmul onednn and --device cuda:0 cannot go together"),
      "\(library.errors)")
    for option in ["--base-weights", "--vision-weights"] {
      let rounded = try train(["--device", "cuda:1", option, "int8"])
      #expect(
        rounded.exitCode == 64 && rounded.errors.contains("\(option) int8 and --device cuda:1 cannot go together"),
        "\(rounded.errors)")
    }
    for option in ["--weights", "--vision-weights"] {
      let rounded = try ProgramRun(
        "evaluate",
        asking + ["--shards", world.heldOut, "--output-dir", run.path, "--device", "cuda", option, "int8"])
      #expect(
        rounded.exitCode == 64 && rounded.errors.contains("\(option) int8 and --device cuda:0 cannot go together"),
        "\(rounded.errors)")
    }
    #expect(!FileManager.default.fileExists(atPath: run.path))
  }

  @Test("a run that goes on on another device says so, and goes on")
  func moved() throws {
    let options = ["--save-every-n-steps", "2"]
    #expect(try train(options).exitCode == 0)
    for name in ["final_model", "checkpoints/step-4"] { try FileManager.default.removeItem(atPath: run.file(name)) }
    var record = try #require(JSONValue.parseFile(run.file("run.json")).object)
    var environment = try #require(record["environment"]?.object)
    environment["device"] = "cuda:0 NVIDIA H100 80GB HBM3"
    record["environment"] = .object(environment)
    try JSONValue.object(record.sealed()).write(to: run.file("run.json"))
    let result = try train(options)
    #expect(result.exitCode == 0, "\(result.errors)")
    #expect(
      result.errors.contains(
        "note: the run goes on on the processor; so far it was computed on cuda:0 NVIDIA H100 80GB HBM3"),
      "\(result.errors)")
    #expect(try run.steps().count == 4)
    #expect(try JSONValue.parseFile(run.file("run.json"))["environment"]?["device"] == nil)
  }
}
