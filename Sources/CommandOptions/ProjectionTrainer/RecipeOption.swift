/// What one option of ProjectionTrainer's programs is here; `docs/projectiontrainer.md` has the table for people.
struct RecipeOption {
  /// What becomes of it.
  enum Meaning {
    /// It has this name here.
    case called(String)
    /// It is taken without effect, for this reason.
    case noEffect(String)
    /// It cannot be had.
    case refused(String, remedy: String)
    /// It names records and images, which become shards first.
    case records(RecipeRecords.Role)
    /// accelerate's precision.
    case mixedPrecision
    /// The processor computes.
    case processor
    /// Whether to sample.
    case sampling
  }

  let takesValue: Bool
  let meaning: Meaning

  private static func value(_ meaning: Meaning) -> RecipeOption { RecipeOption(takesValue: true, meaning: meaning) }
  private static func flag(_ meaning: Meaning) -> RecipeOption { RecipeOption(takesValue: false, meaning: meaning) }

  /// The options of a program that are not its own, by name.
  static func options(of program: String) -> [String: RecipeOption] {
    switch program {
    case "train-stage0": stage0
    case "train-stage1": training.merging(stage1) { $1 }
    case "train-stage2": training.merging(stage2) { $1 }
    case "infer", "evaluate": asking
    default: [:]
    }
  }

  private static let log = Meaning.noEffect("nothing is sent anywhere, and every step is in train_log.jsonl")
  private static let processes = Meaning.noEffect("there is one process, which uses all cores; see --threads")
  private static let noAdapters = Meaning.refused(
    "a run here goes on from its own checkpoints, not from an adapter",
    remedy: "Leave it out; --lora-rank 16 trains a new adapter, and --adapter of infer and evaluate uses one.")

  /// What every program of theirs, and accelerate before it, may have.
  private static let everywhere: [String: RecipeOption] = [
    "trust-remote-code": flag(.noEffect("no checkpoint brings code that is run")),
    "device": value(.called("device")),
    "num-processes": value(processes), "num-machines": value(processes), "machine-rank": value(processes),
    "main-process-ip": value(processes), "main-process-port": value(processes), "multi-gpu": flag(processes),
    "gpu-ids": value(processes), "num-cpu-threads-per-process": value(processes), "config-file": value(processes),
    "cpu": flag(.processor),
    "dynamo-backend": value(.noEffect("nothing is compiled while the program runs")),
    "mixed-precision": value(.mixedPrecision),
  ]

  private static let training = everywhere.merging(
    [
      "image-root": value(.records(.imageRoot)), "image-root-2": value(.records(.secondImageRoot)),
      "train-json": value(.records(.training)), "val-json": value(.records(.validation)),
      "train-val-split": value(.records(.heldOutPart)),
      "vision-model-name": value(.called("vision-model")),
      "img-size": value(.noEffect("images are made at the vision encoder's own size")),
      "wandb-run-name": value(log), "wandb-log-freq": value(log),
      "disable-wandb": flag(log), "log-with": value(log), "logging-steps": value(log),
    ]) { $1 }

  private static let stage1: [String: RecipeOption] = [
    "enable-qlora": flag(.noEffect("the language model is frozen in stage 1, and held as --precision says"))
  ]

  private static let stage2: [String: RecipeOption] = [
    "enable-qlora": flag(
      .refused(
        "no model of 4 bits is trained here",
        remedy: "Leave it out; --lora-rank 16 trains an adapter, --unfreeze-llm the whole language model.")),
    "resume-qlora-adapter-path": value(noAdapters),
  ]

  private static let stage0 = training.filter { !["vision-model-name", "img-size"].contains($0.key) }.merging(
    [
      "model-name": value(.called("vision-model")),
      "min-save-epoch": value(.noEffect("checkpoints are written by the clock too; see --save-every")),
      "use-online-augmentation": flag(
        .refused(
          "theirs flips images and changes those of the validation as well",
          remedy: "Use --augment shift:0.05,scale:0.1,contrast:0.2,elastic:0.02.")),
    ]) { $1 }

  private static let asking = everywhere.merging(
    [
      "vision-model-name": value(.called("vision-model")), "base-llm-name": value(.called("llm-path")),
      "projection-path": value(.called("projector-path")), "input-json": value(.called("input")),
      "image-root-2": value(
        .refused("images of --input are looked up in one directory", remedy: "Name them with their paths.")),
      "do-sample": value(.sampling),
      "verbose": flag(.noEffect("see --log-level")),
      "max-length": value(
        .refused("the length of question and answer together has no limit of its own", remedy: "Use --max-new-tokens.")),
      "candidate-labels": value(
        .refused("no answer is looked up in a list of labels", remedy: "Leave it out, and compare answers afterwards.")),
    ]) { $1 }
}
