import Carina
import Foundation
import TestSupport
import Testing

@Suite("Training programs, stage 0 of a real tower") struct TowerTests {
  private let tower: TowerWorld
  private let run: TrainingOutput

  init() throws {
    tower = try TowerWorld.shared()
    run = try TrainingOutput()
  }

  private func expectRefusal(
    _ code: Int, _ words: [String], _ extra: [String], sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let result = try tower.train(output: run.path, extra)
    #expect(result.exitCode == code, "\(result.errors)", sourceLocation: sourceLocation)
    for word in words {
      #expect(result.errors.contains(word), "\(word): \(result.errors)", sourceLocation: sourceLocation)
    }
    #expect(!FileManager.default.fileExists(atPath: run.path), sourceLocation: sourceLocation)
  }

  /// The model with a change, in a directory of its own.
  private func model(_ name: String, _ change: (String) throws -> Void) throws -> String {
    let path = run.directory.file(name)
    try FileManager.default.copyItem(atPath: tower.model, toPath: path)
    try change(path)
    return path
  }

  private func edit(_ path: String, _ part: String?, _ change: (inout JSONObject) -> Void) throws {
    let file = path + "/config.json"
    var whole = try #require(JSONValue.parseFile(file).object)
    if let part {
      var inner = try #require(whole[part]?.object)
      change(&inner)
      whole[part] = .object(inner)
    } else {
      change(&whole)
    }
    try JSONValue.object(whole).write(to: file)
  }

  @Test("a run tunes the vision tower, reports retrieval, and its model is one that stages 1 and 2 and it itself read")
  func whole() throws {
    let result = try tower.train(
      output: run.path, ["--val-shards", tower.heldOut, "--chunk-size", "2", "--tensorboard"])
    #expect(result.exitCode == 0, "\(result.errors)")
    for words in ["text tower: 0 of ", "chunk-size", "max-text-len            24", "learning-rate           0.001"] {
      #expect(result.errors.contains(words), "\(words): \(result.errors)")
    }
    let steps = try run.steps(), last = try #require(steps.last)
    #expect(steps.count { $0["validation_loss"] != nil } == 2)
    for direction in ["image_to_text", "text_to_image"] {
      let values = try [1, 5, 10].map { try #require(last["\(direction)_recall_at_\($0)"]?.double) }
      #expect(values == values.sorted() && values.allSatisfy { (0...1).contains($0) })
    }
    #expect(result.output.contains("recall at 1, 5, 10: image to text "), "\(result.output)")
    #expect(try #require(run.losses().last) < #require(run.losses().first))

    let (differing, all) = try TrainingOutput.differingTensors(run.file("final_model"), tower.model)
    #expect(differing.allSatisfy { $0.hasPrefix("vision_model.") || $0 == "logit_bias" } && differing.count > 20)
    #expect(all.count > differing.count && differing.contains("vision_model.head.probe"))
    func bytes(_ path: String) throws -> [String: Data] {
      try ["config.json", "tokenizer.json", "tokenizer_config.json", "preprocessor_config.json"].reduce(into: [:]) {
        $0[$1] = try Data(contentsOf: URL(fileURLWithPath: "\(path)/\($1)"))
      }
    }
    let (written, given) = try (bytes(run.file("final_model")), bytes(tower.model))
    for name in ["tokenizer.json", "tokenizer_config.json", "preprocessor_config.json"] {
      #expect(written[name] == given[name], "\(name)")
    }
    #expect(
      try JSONValue.parseFile(run.file("final_model/config.json")) == JSONValue.parseFile(tower.model + "/config.json"))

    let stage1 = try TrainingOutput()
    let next = try tower.world.train(
      stage: 1, output: stage1.path, ["--vision-model", run.file("final_model"), "--max-steps", "1"])
    #expect(next.exitCode == 0, "\(next.errors)")
    let again = try TrainingOutput()
    let more = try tower.train(
      output: again.path, ["--vision-model", run.file("final_model"), "--max-steps", "1", "--warmup-ratio", "0"])
    #expect(more.exitCode == 0, "\(more.errors)")
    let done = try tower.train(
      output: run.path, ["--val-shards", tower.heldOut, "--chunk-size", "2", "--tensorboard"])
    #expect(done.exitCode == 0 && done.output.contains("already done") && done.output.contains("recall at 1, 5, 10"))
  }

  @Test("both towers and the temperature are trained where that is asked for; frozen blocks stay as they are")
  func everything() throws {
    let result = try tower.train(
      output: run.path,
      [
        "--no-freeze-text-encoder", "--no-freeze-logit-scale", "--freeze-layers-ratio", "0.5", "--text-unit",
        "sentence",
      ])
    #expect(result.exitCode == 0, "\(result.errors)")
    let (differing, all) = try TrainingOutput.differingTensors(run.file("final_model"), tower.model)
    let frozen = Set(all).subtracting(differing)
    #expect(
      frozen.allSatisfy {
        $0.hasPrefix("vision_model.embeddings.") || $0.hasPrefix("vision_model.encoder.layers.0.")
      }, "\(frozen)")
    #expect(frozen.count == 3 + 16)
  }

  @Test("a run that is killed ends in the bytes of one that is not", arguments: ["fp32", "bf16"])
  func resuming(precision: String) throws {
    let options = [
      "--precision", precision, "--val-shards", tower.heldOut, "--chunk-size", "2", "--save-every-n-steps", "2",
      "--num-epochs", "3", "--no-freeze-text-encoder", "--augment", "shift:0.1,contrast:0.2",
    ]
    #expect(try tower.train(output: run.path, options).exitCode == 0)
    for signal in ["KILL", "TERM"] {
      let (stopped, _) = try TrainingOutput.stopped(
        by: signal, when: { "-e '\($0.file("checkpoints/step-4"))'" }, code: signal == "KILL" ? 137 : 75
      ) { try tower.train(output: $0.path, options, shellPrefix: $1) }
      #expect(!stopped.has("final_model"))
      let revived = try tower.train(output: stopped.path, options)
      #expect(revived.exitCode == 0, "\(revived.errors)")
      #expect(try stopped.numbers() == run.numbers())
      for part in ["final_model", "best_model"] {
        #expect(try stopped.bytes(under: part) == run.bytes(under: part), "\(part)")
      }
      #expect(try stopped.unfinished().isEmpty)
    }
    let other = try tower.train(output: run.path, options + ["--chunk-size", "3", "--no-freeze-logit-scale"])
    #expect(other.exitCode == 64, "\(other.errors)")
    for words in ["tower.chunk_size was 2, is 3", "trains.logit_scale was false, is true"] {
      #expect(other.errors.contains(words), "\(other.errors)")
    }
  }

  @Test("the size of the pieces changes no more than last digits, and a dry run writes nothing")
  func pieces() throws {
    let dry = try tower.train(output: run.path, ["--dry-run"])
    #expect(dry.exitCode == 0 && dry.errors.contains("memory  "), "\(dry.errors)")
    #expect(!FileManager.default.fileExists(atPath: run.path))
    #expect(try tower.train(output: run.path, ["--chunk-size", "1"]).exitCode == 0)
    let other = try TrainingOutput()
    #expect(try tower.train(output: other.path, ["--chunk-size", "100"]).exitCode == 0)
    expectClose(try run.losses(), try other.losses(), relative: 1e-4)
  }

  @Test("models that are no whole SigLIP are refused before a weight is read, each by what it is")
  func models() throws {
    try expectRefusal(65, ["is not a whole SigLIP model", "vision tower without"], ["--vision-model", towerAlone()])
    let naflex = try model("naflex") { try edit($0, nil) { $0["model_type"] = "siglip2" } }
    try expectRefusal(65, ["siglip2", "NaFlex"], ["--vision-model", naflex])
    let bare = try model("bare") { path in
      let source = try SafetensorsFile(path: path + "/model.safetensors")
      try SafetensorsWriter.write(
        source.entries.map(\.name).filter { !$0.hasPrefix("text_model.") }.map { ($0, try source.tensor(named: $0)) },
        to: path + "/model.safetensors")
    }
    try expectRefusal(65, ["no weights of the text tower"], ["--vision-model", bare])
    let headless = try model("headless") { try edit($0, "vision_config") { $0["vision_use_head"] = false } }
    try expectRefusal(65, ["pooling head"], ["--vision-model", headless])
    let sizes = try model("sizes") { try edit($0, "text_config") { $0["projection_size"] = 12 } }
    try expectRefusal(65, ["embeddings of different sizes"], ["--vision-model", sizes])
    let mute = try model("mute") { path in
      for name in ["tokenizer.json", "tokenizer_config.json"] {
        try FileManager.default.removeItem(atPath: "\(path)/\(name)")
      }
    }
    try expectRefusal(66, ["there is no tokenizer", mute], ["--vision-model", mute])
    let foreign = try model("foreign") { try edit($0, "text_config") { $0["vocab_size"] = 270 } }
    try expectRefusal(65, ["ids below 270"], ["--vision-model", foreign])
    try expectRefusal(66, ["nowhere"], ["--vision-model", run.directory.file("nowhere")])
  }

  private func towerAlone() -> String { tower.world.vision }

  @Test("options out of range, texts beyond the positions, questions and options of the other kind are refused")
  func options() throws {
    try expectRefusal(64, ["--freeze-layers-ratio", "0 to 1"], ["--freeze-layers-ratio", "1.5"])
    try expectRefusal(64, ["--freeze-layers-ratio"], ["--freeze-layers-ratio=-0.1"])
    try expectRefusal(64, ["--max-text-len", "at most 24", "77"], ["--max-text-len", "77"])
    try expectRefusal(64, ["--chunk-size", "at least 1"], ["--chunk-size", "0"])
    try expectRefusal(65, ["has a question"], ["--train-shards", tower.world.questions])
    try expectRefusal(65, ["has a question"], ["--val-shards", tower.world.heldOut])
    try expectRefusal(64, ["--patch-size is for fresh backbones"], ["--patch-size", "16"])
    try expectRefusal(64, ["--text-shards is for fresh backbones"], ["--text-shards", tower.world.questions])
    try expectRefusal(64, ["does not fit", "smaller --chunk-size"], ["--memory-limit", "0.001"])
    for (option, value) in [
      ("--batch-size", "4"), ("--freeze-layers-ratio", "0.5"), ("--no-shuffle", nil), ("--precision", "bf16"),
      ("--dry-run", nil), ("--no-freeze-text-encoder", nil), ("--val-shards", "x"), ("--memory-limit", "3"),
      ("--augment", "shift:0.1"), ("--max-steps", "3"),
    ] {
      let result = try ProgramRun(
        "train-stage0",
        ["--train-shards", tower.world.captions, "--output-dir", run.path, option] + [value].compactMap { $0 })
      #expect(result.exitCode == 64 && result.errors.contains("--vision-model"), "\(option): \(result.errors)")
    }
    #expect(!FileManager.default.fileExists(atPath: run.path))
  }

  @Test("their command line of stage 0 runs: records become shards, and the SigLIP is tuned")
  func recipe() throws {
    let archive = tower.world.archive
    let result = try ProgramRun(
      "train-stage0",
      [
        "--model_name", tower.model, "--train_json", "\(archive)/stage1_train.json", "--image_root", archive,
        "--output_dir", run.path, "--max_text_len", "16", "--batch_size", "8", "--learning_rate", "5e-4",
        "--weight_decay", "0.01", "--num_epochs", "1", "--gradient_accumulation_steps", "2", "--warmup_ratio", "0.05",
        "--freeze_layers_ratio", "0.5", "--no-freeze_text_encoder", "--freeze_logit_scale", "--save_every_n_epochs",
        "3",
        "--min_save_epoch", "5", "--logging_steps", "10", "--log_with", "wandb", "--wandb_project", "p",
        "--wandb_run_name", "r", "--trust_remote_code", "--seed", "42", "--threads", "1",
      ])
    #expect(result.exitCode == 0, "\(result.errors)")
    for words in ["note: --min-save-epoch has no effect", "go into shards first", "max-text-len            16"] {
      #expect(result.errors.contains(words), "\(words): \(result.errors)")
    }
    #expect(run.has("final_model/model.safetensors"))
  }
}
