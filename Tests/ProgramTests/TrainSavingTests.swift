import Carina
import Foundation
import TestSupport
import Testing

@Suite("Training programs, saving") struct TrainSavingTests {
  private static let options = [
    "--batch-size", "2", "--gradient-accumulation-steps", "1", "--num-epochs", "2", "--seed", "5",
  ]

  private let world: TrainingWorld

  init() throws { world = try TrainingWorld.shared() }

  private func train(_ run: TrainingOutput, _ extra: [String] = [], prefix: String = "") throws -> ProgramRun {
    try world.train(stage: 2, output: run.path, Self.options + extra, shellPrefix: prefix)
  }

  private func smooth() throws -> [String: Data] {
    let run = try TrainingOutput(), result = try train(run)
    #expect(result.exitCode == 0, "\(result.errors)")
    #expect(result.errors.split(separator: "\n").contains { $0.contains("save-every ") && $0.contains(" 10min") })
    #expect(run.has("checkpoints/step-24/state.json"))
    return try run.bytes(under: "final_model")
  }

  @Test("a terminal that closes is no loss: SIGHUP saves as SIGTERM does, and comes twice", arguments: ["HUP", "TERM"])
  func signals(name: String) throws {
    let (run, first) = try TrainingOutput.stopped(
      by: name == "HUP" ? "HUP $$; kill -HUP" : name, when: { "-s '\($0.file("train_log.jsonl"))'" }, code: 75
    ) { try train($0, prefix: $1) }
    #expect(first.errors.contains("a checkpoint is written"), "\(first.errors)")
    #expect(run.has("checkpoints") && !run.has("final_model"))
    #expect(try train(run).exitCode == 0)
    #expect(try run.bytes(under: "final_model") == smooth())
  }

  @Test("under nohup a terminal that closes stops nothing")
  func nohup() throws {
    let run = try TrainingOutput()
    let result = try train(
      run,
      prefix: """
        trap '' HUP; ( n=0; while [ ! -s '\(run.file("train_log.jsonl"))' ] && [ $n -lt 6000 ]; do sleep 0.005; \
        n=$((n+1)); done; kill -HUP $$ ) 2>/dev/null &
        """)
    #expect(result.exitCode == 0, "\(result.errors)")
    #expect(run.has("final_model"))
  }

  @Test("a time without a unit is refused with what to write, and the interval is no other run")
  func interval() throws {
    let run = try TrainingOutput()
    for text in ["5.5", "10 minutes", "-1s"] {
      let refused = try train(run, ["--save-every=\(text)"])
      #expect(refused.exitCode == 64, "\(refused.errors)")
      for words in ["--save-every ", "30s, 10min or 2h", text] {
        #expect(refused.errors.contains(words), "\(words) in \(refused.errors)")
      }
    }
    #expect(!FileManager.default.fileExists(atPath: run.path))
    #expect(try train(run, ["--save-every", "0.000001s"]).exitCode == 0)
    #expect(run.has("checkpoints/step-23") && run.has("checkpoints/step-24") && !run.has("checkpoints/step-22"))
    let again = try train(run, ["--save_every", "never"])
    #expect(again.exitCode == 0 && again.output.contains("already done"), "\(again.errors)")
    #expect(try run.bytes(under: "final_model") == smooth())
  }

  @Test("weights of the same size that are put in their place while a run reads them end it with their name")
  func replacedWeights() throws {
    for _ in 0..<8 {
      let run = try TrainingOutput()
      let language = run.directory.file("language"), weights = language + "/model.safetensors"
      try FileManager.default.copyItem(atPath: world.language, toPath: language)
      let config = try DecoderConfig(
        json: .parseFile(language + "/config.json"), source: "config.json")
      let other = run.directory.file("other")
      try ModelDirectoryWriter.write(
        Decoder(config, from: RandomParameterSource(seed: 99)), to: other, type: .float32)
      let result = try train(
        run, ["--llm", language, "--save-every-n-steps", "1"],
        prefix: """
          ( n=0; while [ ! -e '\(run.file("checkpoints/step-2"))' ] && [ $n -lt 6000 ]; do sleep 0.005; \
          n=$((n+1)); done; mv '\(other)/model.safetensors' '\(weights)' ) 2>/dev/null &
          """)
      if result.exitCode == 0, !result.errors.contains("replaced") { continue }
      #expect(result.exitCode == 65, "\(result.errors)")
      #expect(result.errors.contains(weights) && result.errors.contains("were replaced"), "\(result.errors)")
      #expect(run.has("checkpoints/step-2/state.json") || run.has("checkpoints/step-3/state.json"))
      #expect(try run.unfinished().isEmpty)
      return
    }
    Issue.record("no weights were replaced in time")
  }

  @Test("a finished run whose final model was cut says so and makes it again")
  func cutFinalModel() throws {
    let run = try TrainingOutput()
    #expect(try train(run).exitCode == 0)
    let whole = try run.bytes(under: "final_model")
    for name in ["projection_layer/model.safetensors", "language_model/model.safetensors", "carina.json"] {
      let path = run.file("final_model/\(name)")
      try #require(whole[name]).dropLast(7).write(to: URL(fileURLWithPath: path))
      let again = try train(run)
      #expect(again.exitCode == 0 && !again.output.contains("already done"), "\(again.errors)")
      #expect(again.errors.contains("note: ") && again.errors.contains(path), "\(again.errors)")
      #expect(try run.bytes(under: "final_model") == whole)
    }
    #expect(try train(run).output.contains("already done"))
  }

  @Test("a run in the directory of one of its inputs, or over one, is refused and writes nothing there")
  func overlap() throws {
    let run = try TrainingOutput()
    func copy(_ path: String) throws -> String {
      let target = run.directory.file((path as NSString).lastPathComponent)
      try FileManager.default.copyItem(atPath: path, toPath: target)
      return target
    }
    let inputs = [
      ("--train-shards", try copy(world.questions)), ("--llm", try copy(world.language)),
      ("--vision-model", try copy(world.vision)), ("--stage1-projector-path", try copy(world.projector)),
      ("--val-shards", try copy(world.heldOut)),
    ]
    for (option, input) in inputs {
      let before = try FileManager.default.subpathsOfDirectory(atPath: input).sorted()
      for output in [input, input + "/run", input + "/../" + (input as NSString).lastPathComponent + "/x"] {
        let result = try train(run, [option, input, "--output-dir", output])
        #expect(result.exitCode == 64, "\(option): \(result.errors)")
        #expect(result.errors.contains(input) && result.errors.contains("output"), "\(result.errors)")
      }
      #expect(try FileManager.default.subpathsOfDirectory(atPath: input).sorted() == before)
    }
    let kept = try train(run, ["--llm", inputs[1].1, "--cache-vision-features", inputs[1].1 + "/features.h5"])
    #expect(kept.exitCode == 64 && kept.errors.contains("features.h5"), "\(kept.errors)")
    let stage1 = run.directory.file("stage1")
    try AtomicFile.makeDirectory(stage1 + "/final_model")
    try FileManager.default.copyItem(atPath: world.projector, toPath: stage1 + "/final_model/projection_layer")
    let over = try train(run, ["--stage1-projector-path", stage1, "--output-dir", stage1])
    #expect(over.exitCode == 64 && over.errors.contains("projection_layer"), "\(over.errors)")
    let beside = try train(
      run,
      ["--stage1-projector-path", stage1, "--output-dir", stage1 + "/then", "--max-steps", "1", "--warmup-ratio", "0"])
    #expect(beside.exitCode == 0, "\(beside.errors)")
    let stage0 = try ProgramRun(
      "train-stage0", ["--train-shards", inputs[0].1, "--output-dir", inputs[0].1 + "/stage0"])
    #expect(stage0.exitCode == 64 && stage0.errors.contains(inputs[0].1), "\(stage0.errors)")
    let page = try ProgramRun("preprocess", ["inspect", inputs[0].1, "--output", inputs[0].1 + "/page"])
    #expect(page.exitCode == 64 && !FileManager.default.fileExists(atPath: inputs[0].1 + "/page"), "\(page.errors)")
  }
}
