import Carina
import Foundation
import TestSupport
import Testing

@Suite("Kept vision features, programs") struct FeatureCacheTests {
  private static let run = ["--batch-size", "3", "--num-epochs", "2", "--max-steps", "8", "--seed", "4"]

  private let world: TrainingWorld
  private let directory: TemporaryDirectory

  init() throws {
    world = try TrainingWorld.shared()
    directory = try TemporaryDirectory()
    try encoder("vision", seed: 3)
  }

  /// An encoder with 16 patches an image.
  private func encoder(_ name: String, seed: UInt64, mean: Double = 0.5) throws {
    let vision = VisionEncoder(
      VisionConfig(
        imageSize: 32, patchSize: 8, hiddenSize: 16, intermediateSize: 24, layerCount: 1, headCount: 2,
        hasPoolingHead: false), from: RandomParameterSource(seed: seed))
    try ModelDirectoryWriter.write(
      vision, transform: ImageTransform(size: 32, mean: [mean, mean, mean]), to: directory.file(name), type: .float32)
  }

  private var cache: String { directory.file("features.h5") }

  private func train(_ stage: Int = 1, _ output: String, _ extra: [String] = [], prefix: String = "") throws
    -> ProgramRun
  {
    try world.train(
      stage: stage, output: directory.file(output),
      Self.run + ["--vision-model", directory.file("vision")] + extra, shellPrefix: prefix)
  }

  private func numbers(_ output: String) throws -> [JSONValue] {
    let log = try String(contentsOfFile: directory.file("\(output)/train_log.jsonl"), encoding: .utf8)
    return try log.split(separator: "\n").map { line in
      var object = try #require(try JSONValue.parse(String(line), source: "log").object)
      object["seconds"] = nil
      object["data_wait_ms"] = nil
      return .object(object)
    }
  }

  private func expectSame(_ one: String, _ other: String) throws {
    #expect(try numbers(one) == numbers(other) && numbers(one).count > 1)
    let weights = "final_model/projection_layer/model.safetensors"
    let bytes = try [one, other].map { try Data(contentsOf: URL(fileURLWithPath: directory.file("\($0)/\(weights)"))) }
    #expect(bytes[0] == bytes[1])
  }

  @Test(
    "a run with kept features has the digits of one without, and so have a second run and a second stage, which encode nothing",
    arguments: ["bf16", "fp32"])
  func sameDigits(precision: String) throws {
    let extra = ["--precision", precision, "--val-shards", world.heldOut]
    let kept = extra + ["--cache-vision-features", cache]
    #expect(try train(1, "plain", extra).exitCode == 0)
    let first = try train(1, "first", kept)
    #expect(first.exitCode == 0 && first.errors.contains("(0 of "), "\(first.errors)")
    try expectSame("plain", "first")
    let second = try train(1, "second", kept)
    #expect(second.exitCode == 0, "\(second.errors)")
    try expectSame("plain", "second")

    let stage2 = ["--no-unfreeze-llm", "--unfreeze-projection-layer"]
    #expect(try train(2, "plain2", extra + stage2).exitCode == 0)
    let third = try train(2, "third", kept + stage2)
    #expect(third.exitCode == 0, "\(third.errors)")
    try expectSame("plain2", "third")
  }

  @Test("features of other weights, another transform or precision, and shards that were tampered with, are refused")
  func refusals() throws {
    let option = ["--cache-vision-features", cache]
    let made = try train(1, "made", option)
    #expect(made.exitCode == 0, "\(made.errors)")
    try encoder("other", seed: 9)
    try encoder("brighter", seed: 3, mean: 0.25)
    for (extra, text) in [
      (["--vision-model", directory.file("other")], "other weights"),
      (["--vision-model", directory.file("brighter")], "another image transform"),
      (["--precision", "bf16"], "another precision"), (["--vision-feature", "pre-norm"], "another of its outputs"),
    ] {
      let refused = try train(1, "refused", option + extra)
      #expect(refused.exitCode == 65 && refused.errors.contains(text), "\(refused.errors)")
      #expect(refused.errors.contains(cache) && refused.errors.contains("Name another file"))
    }
    for changing in [["--train-ve-first-epoch"], ["--augment", "shift:0.05"]] {
      let both = try train(2, "refused", option + changing)
      #expect(both.exitCode == 64 && both.errors.contains("and \(changing[0]) cannot"), "\(both.errors)")
    }

    let shards = directory.file("shards"), shard = shards + "/shard-00000.h5"
    try FileManager.default.copyItem(atPath: world.captions, toPath: shards)
    #expect(try train(1, "copied", option + ["--train-shards", shards]).exitCode == 0)
    var bytes = try Data(contentsOf: URL(fileURLWithPath: shard))
    // The pixels are the largest part of the file.
    bytes[bytes.count / 2] ^= 1
    try bytes.write(to: URL(fileURLWithPath: shard))
    let tampered = try train(1, "refused", option + ["--train-shards", shards])
    #expect(tampered.exitCode == 65 && tampered.errors.contains("its manifest names"), "\(tampered.errors)")
    #expect(!FileManager.default.fileExists(atPath: directory.file("refused")))

    try Data(bytes.prefix(1000)).write(to: URL(fileURLWithPath: cache))
    let damaged = try train(1, "refused", option)
    #expect(damaged.exitCode == 65 && damaged.errors.contains("Remove it"), "\(damaged.errors)")
  }

  @Test("runs that are killed over and over leave a file from which the next goes on to the digits of a smooth run")
  func killing() throws {
    #expect(try train(1, "plain").exitCode == 0)
    let option = ["--cache-vision-features", cache]
    for round in 1...3 {
      let line = directory.file("killed-\(round)/train_log.jsonl")
      let run = try train(
        1, "killed-\(round)", option,
        prefix:
          "( n=0; while [ ! -s '\(line)' ] && [ $n -lt 2000 ]; do sleep 0.002; n=$((n+1)); done; kill -KILL $$ ) &")
      #expect([0, 137].contains(run.exitCode), "\(run.errors)")
    }
    let last = try train(1, "last", option)
    #expect(last.exitCode == 0 && !last.errors.contains("(0 of "), "\(last.errors)")
    try expectSame("plain", "last")
  }

  @Test("evaluate keeps features too, beside the shards unless told where, with the same answers")
  func evaluating() throws {
    let tiny = try TinyEvaluation()
    func evaluate(_ output: String, _ extra: [String]) throws -> ProgramRun {
      try ProgramRun(
        "evaluate",
        [
          "--checkpoint", tiny.checkpoint, "--shards", tiny.shards, "--output-dir", tiny.directory.file(output),
          "--precision", "fp32", "--max-new-tokens", "5", "--bootstrap", "0", "--arms", "true,shuffled,blank",
          "--likelihood", "--threads", "1", "--batch-size", "1",
        ] + extra)
    }
    let beside = tiny.directory.file("vision-features.h5")
    for (output, extra) in [
      ("plain", []), ("first", ["--cache-vision-features"]), ("second", ["--cache_vision_features"]),
    ] {
      let run = try evaluate(output, extra)
      #expect(run.exitCode == 0, "\(run.errors)")
      #expect(run.errors.contains("vision-features.h5 (") == !extra.isEmpty)
      #expect(output != "second" || run.errors.contains("(12 of 12 images are there"))
      for name in ["predictions.jsonl", "predictions-shuffled.jsonl", "predictions-blank.jsonl", "metrics.json"] {
        #expect(tiny.bytes(output, name) == tiny.bytes("plain", name), "\(output) \(name)")
      }
    }
    let file = try FileManager.default.attributesOfItem(atPath: beside)[.size] as? Int
    #expect(file ?? 0 > 0)
    let answers = try ProgramRun(
      "evaluate",
      [
        "--predictions", tiny.directory.file("plain/predictions.jsonl"), "--output-dir", tiny.directory.file("x"),
        "--cache-vision-features",
      ])
    #expect(answers.exitCode == 64)
  }
}
