import Carina
import Foundation
import TestSupport
import Testing

@Suite("Training programs, options of stage 0 of a real tower") struct TowerOptionTests {
  private let tower: TowerWorld
  private let run: TrainingOutput

  init() throws {
    tower = try TowerWorld.shared()
    run = try TrainingOutput()
  }

  private func header(_ text: String, _ name: String) -> [String] {
    text.split(separator: "\n").filter { $0.hasPrefix("  \(name) ") }
      .map { $0.dropFirst(name.count + 2).trimmingCharacters(in: .whitespaces) }
  }

  @Test("the options of training reach the tuning: optimizer, schedule, order, saving, what shows the run")
  func reach() throws {
    let result = try tower.train(
      output: run.path,
      [
        "--optimizer", "adamw8bit", "--lr-schedule", "constant", "--warmup-steps", "1", "--weight-decay", "0",
        "--max-grad-norm", "0.5", "--no-shuffle", "--drop-last", "--save-every", "2", "--max-steps", "5",
        "--val-shards", tower.heldOut, "--eval-every", "2", "--wandb-project", "towers", "--tensorboard",
        "--live-page",
      ])
    #expect(result.exitCode == 0, "\(result.errors)")
    let settings = try #require(JSONValue.parseFile(run.file("run.json"))["configuration"]?["settings"])
    #expect(settings["optimizer"] == "adamw8bit" && settings["lr_schedule"] == "constant")
    #expect(settings["warmup_steps"] == 1 && settings["drop_last"] == true && settings["shuffle"] == false)
    #expect(header(result.errors, "eval-every") == ["2"] && header(result.errors, "batch-size") == ["5 × 1"])
    let steps = try run.steps()
    #expect(steps.count == 5 && steps.last?["learning_rate"]?.double == 1e-3)
    #expect(steps.indices.filter { steps[$0]["validation_loss"] != nil } == [1, 3, 4])
    #expect(run.has("tensorboard") && run.has("wandb") && run.has("checkpoints/step-4"))
    let page = try String(contentsOfFile: run.file("live.html"), encoding: .utf8)
    #expect(page.contains("held-out images"), "\(page.prefix(300))")
  }

  @Test("the run ends early where the loss on held-out images no longer falls, and its best model is kept")
  func earlyStopping() throws {
    let result = try tower.train(
      output: run.path,
      [
        "--val-shards", tower.heldOut, "--eval-every", "1", "--early-stopping", "2", "--early-stopping-delta", "100",
        "--num-epochs", "9",
      ])
    #expect(result.exitCode == 0 && result.errors.contains("stopped early after step 3 of "), "\(result.errors)")
    #expect(try run.steps().count == 3 && run.has("best_model/model.safetensors"))
  }

  @Test("a run is repeated from its record with the same bytes; other data are refused unless told")
  func config() throws {
    let options = ["--presets", "projection-trainer", "--max-text-len", "20", "--num-epochs", "3", "--seed", "7"]
    let first = try tower.train(output: run.path, options)
    #expect(first.exitCode == 0, "\(first.errors)")
    #expect(first.errors.contains("the preset projection-trainer stands for: ") && first.errors.contains("5 × 4"))
    #expect(header(first.errors, "warmup-ratio") == ["0.05"])
    let again = try TrainingOutput(), third = try TrainingOutput()
    let repeated = try ProgramRun("train-stage0", ["--config", run.file("run.json"), "--output-dir", again.path])
    #expect(repeated.exitCode == 0 && repeated.errors.contains("stands for: "), "\(repeated.errors)")
    #expect(try again.bytes(under: "final_model") == run.bytes(under: "final_model"))
    let other = ["--config", run.path, "--output-dir", third.path, "--vision-model", again.file("final_model")]
    let refused = try ProgramRun("train-stage0", other)
    #expect(refused.exitCode == 65 && refused.errors.contains("models.siglip was"), "\(refused.errors)")
    #expect(!FileManager.default.fileExists(atPath: third.path))
    let told = try ProgramRun("train-stage0", other + ["--config-anyway"])
    #expect(told.exitCode == 0 && told.errors.contains("models.siglip was"), "\(told.errors)")
    let preset = try tower.train(output: third.path, ["--presets", "llava-1.5"])
    #expect(preset.exitCode == 64 && preset.errors.contains("has nothing for train-stage0"), "\(preset.errors)")
    for text in ["expected projection-trainer", "train-stage1 and train-stage2", "leave --presets out"] {
      #expect(preset.errors.contains(text), "\(text): \(preset.errors)")
    }
  }

  @Test("changed options are gone on with when that is asked for")
  func resumeAnyway() throws {
    #expect(try tower.train(output: run.path, ["--max-steps", "2"]).exitCode == 0)
    let refused = try tower.train(output: run.path, ["--max-steps", "4"])
    #expect(refused.exitCode == 64 && refused.errors.contains("--resume-anyway"), "\(refused.errors)")
    let told = try tower.train(output: run.path, ["--max-steps", "4", "--resume-anyway"])
    #expect(try told.exitCode == 0 && run.steps().count == 4, "\(told.errors)")
  }

  @Test(
    "options of other stages are refused with what there is not in this one",
    arguments: [
      (["--projector-lr", "1e-3"], "there is no projector"), (["--vision-lr", "1e-3"], "one rate, --learning-rate"),
      (["--label-smoothing", "0.1"], "no token is predicted"), (["--length-bucketing"], "one length"),
      (["--eval-limit", "3"], "on all held-out images"), (["--eval-samples", "1"], "no answers"),
      (["--eval-max-new-tokens", "3"], "no answers"), (["--best-metric", "image-gap"], "the smallest loss"),
      (["--early-stopping", "2"], "--early-stopping needs held-out samples"),
    ])
  func foreign(options: [String], reason: String) throws {
    let result = try tower.train(output: run.path, options)
    #expect(result.exitCode == 64, "\(result.errors)")
    #expect(result.errors.contains(options[0]) && result.errors.contains(reason), "\(result.errors)")
    #expect(!FileManager.default.fileExists(atPath: run.path))
  }

  @Test("an option of the tuning is refused without a model also where its value is the usual one, and the other way")
  func usualValues() throws {
    for option in [
      ["--weight-decay", "0.01"], ["--chunk-size", "4"], ["--text-unit", "caption"], ["--num-epochs", "5"],
      ["--lr-schedule", "cosine"], ["--augment", "none"], ["--presets", "projection-trainer"], ["--live-page"],
      ["--download"], ["--resume-anyway"], ["--eval-every", "2"],
    ] {
      let result = try ProgramRun(
        "train-stage0", ["--train-shards", tower.world.captions, "--output-dir", run.path] + option)
      #expect(result.exitCode == 64 && result.errors.contains("is for the tuning"), "\(option): \(result.errors)")
    }
    let size = "\(SettingValues<BackboneSettingList>().patchSize)"
    let fresh = try tower.train(output: run.path, ["--patch-size", size])
    #expect(fresh.exitCode == 64 && fresh.errors.contains("--patch-size is for fresh backbones"), "\(fresh.errors)")
    #expect(!FileManager.default.fileExists(atPath: run.path))
  }

  @Test("an id that is not in the cache is named with what fetches it")
  func download() throws {
    let result = try tower.train(output: run.path, ["--vision-model", "nobody/no-such-tower"])
    #expect(result.exitCode == 66 && result.errors.contains("--download"), "\(result.errors)")
  }
}
