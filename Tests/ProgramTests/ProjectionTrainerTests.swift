import Carina
import Foundation
import TestSupport
import Testing

/// Command lines of ProjectionTrainer, and every row of the table in `docs/projectiontrainer.md`.
@Suite("Programs, the recipe's own commands") struct ProjectionTrainerTests {
  private struct Row {
    let program: String, theirs: [String], here: [String], outcome: String

    init?(_ line: Substring) {
      let cells = line.split(separator: "|", omittingEmptySubsequences: false).dropFirst().dropLast().map {
        $0.trimmingCharacters(in: .whitespaces)
      }
      guard cells.count == 4, cells[1].hasPrefix("`--") else { return nil }
      func words(_ cell: String) -> [String] {
        cell.trimmingCharacters(in: ["`"]).split(separator: " ").map(String.init)
      }
      (program, theirs, here, outcome) = (cells[0], words(cells[1]), words(cells[2]), cells[3])
    }
  }

  private static let rows: [Row] = {
    let page = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("docs/projectiontrainer.md")
    let text = (try? String(contentsOf: page, encoding: .utf8)) ?? ""
    return text.split(separator: "\n").compactMap(Row.init)
  }()

  private let world: TrainingWorld
  private let run: TrainingOutput

  init() throws {
    world = try TrainingWorld.shared()
    run = try TrainingOutput()
  }

  private func rows(_ program: String, _ outcomes: String...) -> [Row] {
    Self.rows.filter { $0.program == program && outcomes.contains($0.outcome) }
  }

  private var archive: String { world.archive }

  private func stage1(_ extra: [String]) throws -> ProgramRun {
    try ProgramRun(
      "train-stage1",
      [
        "--image_root", archive, "--train_json", "\(archive)/stage1_train.json", "--output_dir", run.path,
        "--vision_model_name", world.vision, "--llm_name", world.language, "--max_steps", "1", "--threads", "1",
      ] + extra)
  }

  private func stage2(_ extra: [String]) throws -> ProgramRun {
    try ProgramRun(
      "train-stage2",
      [
        "--image_root", archive, "--train_json", "\(archive)/stage2_train.json", "--val_json",
        "\(archive)/stage2_val.json", "--output_dir", run.path, "--vision_model_name", world.vision, "--llm_name",
        world.language, "--stage1_projector_path", world.projector, "--max_steps", "1", "--warmup_ratio", "0.0",
        "--mixed_precision", "no", "--threads", "1",
      ] + extra)
  }

  private func asking(_ extra: [String]) throws -> ProgramRun {
    try ProgramRun("infer", ["--device", "cpu", "--precision", "fp32"] + extra)
  }

  /// The rows' options with values of this test.
  private func words(_ rows: [Row], _ values: [String: String], without: Set<String> = []) -> [String] {
    rows.filter { !without.contains($0.theirs[0]) }.flatMap { row -> [String] in
      guard row.theirs.count == 2 else { return [row.theirs[0]] }
      return [
        row.theirs[0],
        values[row.theirs[0]] ?? ["N": "3", "X": "0.5", "T": "text", "W": "cpu"][row.theirs[1]] ?? row.theirs[1],
      ]
    }
  }

  /// The header's line of the option that a row names has the value that was given.
  private func expectHeader(_ result: ProgramRun, _ rows: [Row], _ given: [String]) {
    for row in rows where row.theirs.count == 2 && row.here.count == 2 {
      guard let index = given.lastIndex(of: row.theirs[0]) else {
        Issue.record("\(row.theirs[0]) was not given")
        continue
      }
      let value = row.here[1].count > 1 ? row.here[1] : given[index + 1]
      var name = String(row.here[0].dropFirst(2))
      if name == "gradient-accumulation-steps" { name = "batch-size" }
      let line = result.errors.split(separator: "\n").first { $0.hasPrefix("  \(name) ") }
      let shown = value == "fp32" ? "3" : value == "cpu" ? "processor" : value.trimmingCharacters(in: ["0"])
      #expect(line?.contains(shown) == true, "\(row.theirs): \(line ?? "no line") in \(result.errors)")
    }
  }

  private func expectRemarks(_ result: ProgramRun, _ rows: [Row]) {
    for row in rows {
      let name = row.theirs[0].replacing("_", with: "-")
      #expect(
        result.errors.split(separator: "\n").contains {
          $0.hasPrefix("note: \(name) ") || $0.contains("\(name) is off")
        },
        "\(row.theirs): \(result.errors)")
    }
  }

  @Test("the page has every option of theirs that is known")
  func complete() {
    for (program, count) in [("train-stage1", 38), ("train-stage2", 26), ("train-stage0", 28), ("infer", 25)] {
      #expect(Self.rows.count { $0.program == program } == count, "\(program)")
    }
    #expect(Set(Self.rows.map(\.outcome)) == ["same", "renamed", "shards", "no effect", "refused"])
  }

  @Test("stage 1: its options are ours, its records become shards once, and what means nothing is remarked")
  func firstStage() throws {
    let own = rows("train-stage1", "same", "renamed"), empty = rows("train-stage1", "no effect")
    let values = [
      "--output_dir": run.path, "--vision_model_name": world.vision, "--llm_name": world.language, "--batch_size": "2",
      "--gradient_accumulation_steps": "3", "--learning_rate": "0.00025", "--weight_decay": "0.125",
      "--warmup_ratio": "0.0",
      "--num_epochs": "2", "--save_every_n_epochs": "1",
    ]
    let given = words(own, values) + words(empty, [:])
    let validation = ["--val_json", "\(archive)/stage1_val.json", "--image_root_2", run.directory.path]
    let result = try stage1(given + validation)
    #expect(result.exitCode == 0, "\(result.errors)")
    expectHeader(result, own, given)
    expectRemarks(result, empty)
    #expect(run.has("final_model/projection_layer/model.safetensors"))
    let shards = run.path + "-shards"
    #expect(
      result.errors.contains("note: --train-json: the images of \(archive)/stage1_train.json go into shards first"))
    #expect(result.errors.contains("at 32 pixels a side"))
    #expect(try ShardDirectory(shards + "/train").imageCount == ShardDirectory(world.captions).imageCount)
    for (name, option) in [("train", "train-shards"), ("val", "val-shards")] {
      let line = result.errors.split(separator: "\n").first { $0.hasPrefix("  \(option) ") }
      #expect(line?.contains("\(shards)/\(name) (") == true, "\(result.errors)")
    }

    let again = try stage1(given + validation)
    #expect(again.exitCode == 0 && again.output.contains("already done"), "\(again.errors)")
    #expect(again.errors.contains("--train-json: the shards in \(shards)/train are up to date and are used again"))
    #expect(again.errors.contains("--val-json: the shards in \(shards)/val are up to date"))
    // Another image directory is another source.
    let moved = try stage1(given + Array(validation.prefix(2)))
    #expect(moved.errors.contains("go into shards first"), "\(moved.errors)")
  }

  @Test("stage 1: --train_val_split divides by patient, in the same way each time")
  func division() throws {
    let result = try stage1(["--train_val_split", "0.25", "--batch_size", "2"])
    #expect(result.exitCode == 0, "\(result.errors)")
    let parts = try ["train", "val"].map { try ShardDirectory("\(run.path)-shards/divided/\($0)") }
    #expect(parts[0].patients.isDisjoint(with: parts[1].patients) && !parts[1].patients.isEmpty)
    #expect(parts[0].sampleCount + parts[1].sampleCount == (try ShardDirectory(world.captions).sampleCount))
    #expect(run.has("best_model"))
    for wrong in [["--train_val_split", "1.5"], ["--train_val_split", "0.1", "--val_json", "x"]] {
      #expect(try stage1(wrong).exitCode == 64)
    }
  }

  @Test("stage 2: its options are ours, and what is trained is what they say")
  func secondStage() throws {
    let own = rows("train-stage2", "same", "renamed"), empty = rows("train-stage2", "no effect")
    let values = [
      "--output_dir": run.path, "--vision_model_name": world.vision, "--llm_name": world.language,
      "--stage1_projector_path": world.projector, "--batch_size": "2", "--gradient_accumulation_steps": "3",
      "--learning_rate": "0.00025", "--weight_decay": "0.125", "--warmup_ratio": "0.0", "--num_epochs": "2",
      "--max_q_len": "77", "--max_a_len": "99",
    ]
    let given = words(own, values) + words(empty, [:])
    let result = try stage2(given)
    #expect(result.exitCode == 0, "\(result.errors)")
    expectHeader(result, own.filter { $0.here[0] != "--stage1-projector-path" }, given)
    #expect(result.errors.contains("projector, language model, vision encoder (first epoch)"), "\(result.errors)")
    #expect(
      result.errors.split(separator: "\n").contains { $0.hasPrefix("  projector ") && $0.hasSuffix(world.projector) })
    expectRemarks(result, empty)
  }

  @Test(
    "stage 2: without --unfreeze_llm the language model stays frozen, as theirs; a run's own directory is a projector")
  func frozen() throws {
    let first = try stage1(["--batch_size", "2", "--mixed_precision", "no"])
    #expect(first.exitCode == 0, "\(first.errors)")
    let output = try TrainingOutput()
    let result = try stage2([
      "--output_dir", output.path, "--stage1_projector_path", run.file("final_model"), "--train_ve_first_epoch",
      "--unfreeze_projection_layer", "--wandb_project", "p",
    ])
    #expect(result.exitCode == 0, "\(result.errors)")
    #expect(result.errors.contains("the language model stays frozen; --unfreeze-llm trains it"), "\(result.errors)")
    #expect(!output.has("final_model/language_model") && output.has("final_model/vision_encoder"))
  }

  @Test("what cannot be had is refused with the reason, before anything is read")
  func refused() throws {
    for row in Self.rows where row.outcome == "refused" {
      let given = words([row], ["--image_root": archive, "--train_json": "x"])
      let result = try ProgramRun(
        row.program, given + (row.program.hasPrefix("train") ? ["--output_dir", run.path] : []))
      let isPrecision = row.theirs == ["--mixed_precision", "fp16"]
      let whole = isPrecision ? try stage1(given) : result
      #expect(whole.exitCode == 64, "\(row.program) \(given): \(whole.errors)")
      let name =
        isPrecision ? "--precision fp16 is refused" : row.theirs[0].replacing("_", with: "-") + " cannot be used"
      #expect(whole.errors.contains("error: " + name), "\(given): \(whole.errors)")
    }
    for wrong in [["--image_root", archive], ["--train_json", "x"]] {
      let result = try ProgramRun("train-stage1", wrong + ["--output_dir", run.path])
      #expect(result.exitCode == 64 && result.errors.contains("records and images go together"), "\(result.errors)")
    }
    let both = try stage1(["--train_shards", world.captions])
    #expect(both.exitCode == 64 && both.errors.contains("--train-shards and --train-json"), "\(both.errors)")
    let gpu = try stage1(["--device", "cuda", "--mixed_precision", "no"])
    #expect(gpu.exitCode == 64 && gpu.errors.contains("--device cuda:0 cannot be used"), "\(gpu.errors)")
    #expect(!FileManager.default.fileExists(atPath: run.path + "-shards"))
  }

  @Test("infer: its options are ours, and what their generate passes over is left out with a remark")
  func answers() throws {
    let image =
      "\(archive)/images/" + (try #require(FileManager.default.contentsOfDirectory(atPath: "\(archive)/images").min()))
    let parts = [
      "--llm_path", world.language, "--projector_path", world.projector, "--vision_model_name", world.vision,
      "--image_path", image, "--question", "Is there an effusion?", "--max_new_tokens", "6",
    ]
    let own = rows("infer", "same", "renamed")
    func header(_ result: ProgramRun, _ given: [String], _ names: Set<String>) {
      #expect(result.exitCode == 0, "\(result.errors)")
      expectHeader(result, own.filter { names.contains($0.theirs[0]) }, given)
    }
    let sampled = parts + ["--temperature", "0.75", "--top_p", "0.875", "--top_k", "7", "--repetition_penalty", "1.25"]
    header(
      try asking(sampled), sampled,
      [
        "--llm_path", "--projector_path", "--vision_model_name", "--image_path", "--question", "--max_new_tokens",
        "--temperature", "--top_p", "--top_k", "--repetition_penalty",
      ])
    let named = [
      "--base_llm_name", world.language, "--projection_path", world.projector, "--vision_model_name", world.vision,
    ]
    header(try asking(named + parts.suffix(6)), named, ["--base_llm_name", "--projection_path"])
    let other = ["--llm_name", world.language] + parts.dropFirst(2)
    header(try asking(other), other, ["--llm_name"])

    // The issue's own command: their scripts sample within a beam search.
    let searched =
      parts + [
        "--num_beams", "3", "--temperature", "0.3", "--top_p", "0.9", "--length_penalty", "1.25", "--do_sample", "True",
      ]
    let beams = try asking(searched)
    header(beams, searched, ["--num_beams", "--length_penalty"])
    #expect(beams.errors.contains("note: --temperature, --top-p without effect: the beams"), "\(beams.errors)")
    #expect(
      beams.output == (try asking(parts + ["--num-beams", "3", "--length-penalty", "1.25"])).output, "\(beams.errors)")

    let greedy = try asking(parts + ["--top_p", "0.9", "--length_penalty", "1.2"])
    let plain = try asking(parts)
    #expect(greedy.exitCode == 0 && greedy.output == plain.output, "\(greedy.errors)")
    #expect(greedy.errors.contains("note: --top-p without effect") && greedy.errors.contains("note: --length-penalty"))
    let empty = rows("infer", "no effect")
    let still = try asking(parts + ["--temperature", "0.3"] + words(empty, [:]))
    #expect(still.exitCode == 0 && still.output == plain.output, "\(still.errors)")
    expectRemarks(still, empty)

    let list = run.directory.file("questions.json")
    try AtomicFile.write(
      "[{\"image\": \"\((image as NSString).lastPathComponent)\", \"problem\": \"Is there an effusion?\"}]", to: list)
    let file =
      Array(parts.prefix(6)) + [
        "--max_new_tokens", "6", "--input_json", list, "--image_root", "\(archive)/images", "--json",
      ]
    let many = try asking(file)
    header(many, file, ["--input_json", "--image_root"])
    #expect(
      try JSONValue.parse(many.output, source: "stdout")["answer"]?.string
        == (try asking(parts)).output.dropLast().description)
  }

  @Test("our own command lines stay as they are: a sampled beam search is still refused")
  func ours() throws {
    let result = try ProgramRun(
      "infer",
      [
        "--llm-path", world.language, "--projector-path", world.projector, "--vision-model", world.vision,
        "--image-path",
        "x", "--question", "y", "--num-beams", "3", "--temperature", "0.5",
      ])
    #expect(result.exitCode == 66 || result.errors.contains("--num-beams"), "\(result.errors)")
  }
}
