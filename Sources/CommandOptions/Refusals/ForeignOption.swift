/// An option under the name that another tool gives it (transformers' Trainer, PEFT, bitsandbytes, LLaVA), or of another
/// program, and what it is here. The parser would propose the nearest spelling, which is often another option's.
struct ForeignOption {
  /// Whose name it is: `a name of PEFT`, `an option of train-stage2`.
  let origin: String
  /// What to do here.
  let remedy: String

  /// The names that a program does not have, without hyphens before them.
  static func options(of program: String) -> [String: ForeignOption] {
    switch program {
    case "train-stage0": training.merging(ofStage2.merging(ofLanguageModel) { $1 }) { $1 }
    case "train-stage1": training.merging(frozenModel.merging(ofStage2) { $1 }) { $1 }
    case "train-stage2": training.merging(frozenModel) { $1 }.merging(adapters) { $1 }
    case "evaluate": asking
    case "infer": asking.merging(oneQuestion) { $1 }
    default: [:]
    }
  }

  private static func trainer(_ remedy: String) -> ForeignOption {
    ForeignOption(origin: "a name of transformers' Trainer", remedy: remedy)
  }
  private static func peft(_ remedy: String) -> ForeignOption {
    ForeignOption(origin: "a name of PEFT", remedy: remedy)
  }
  private static func others(_ remedy: String) -> ForeignOption {
    ForeignOption(origin: "a name of other tools", remedy: remedy)
  }
  private static func loading(_ remedy: String) -> ForeignOption {
    ForeignOption(origin: "a name of transformers with bitsandbytes", remedy: remedy)
  }

  private static let training: [String: ForeignOption] = [
    "lr": others("Write --learning-rate."), "epochs": others("Write --num-epochs."),
    "num-train-epochs": trainer("Write --num-epochs."),
    "per-device-train-batch-size": trainer("Write --batch-size: there is one device."),
    "train-batch-size": trainer("Write --batch-size."),
    "per-device-eval-batch-size": trainer("Leave it out: validation goes by --batch-size too."),
    "optim": trainer("Write --optimizer adamw or --optimizer adamw8bit."),
    "lr-scheduler-type": trainer("Write --lr-schedule cosine, linear or constant."),
    "save-steps": trainer("Write --save-every-n-steps N, or --save-every 10min."),
    "save-strategy": trainer("Write --save-every 10min, --save-every-n-steps N or --save-every-n-epochs N."),
    "save-total-limit": trainer("Leave it out: the last checkpoints and the best model are kept."),
    "eval-steps": trainer("Write --eval-every N, in optimizer steps."),
    "eval-strategy": trainer("Write --eval-every epoch, or --eval-every N in optimizer steps."),
    "evaluation-strategy": trainer("Write --eval-every epoch, or --eval-every N in optimizer steps."),
    "metric-for-best-model": trainer("Write --best-metric."),
    "early-stopping-patience": trainer("Write --early-stopping."),
    "load-best-model-at-end": trainer("Leave it out: the best model lies in best_model beside final_model."),
    "resume-from-checkpoint": trainer("Write --resume DIR; without it a run goes on from its newest checkpoint."),
    "bf16": trainer("Write --precision bf16."),
    "fp16": trainer("Write --precision bf16: Gemma's activations exceed the range of fp16."),
    "report-to": trainer("Write --wandb-project NAME or --tensorboard."),
    "dataloader-drop-last": trainer("Write --drop-last."), "group-by-length": trainer("Write --length-bucketing."),
    "label-smoothing-factor": trainer("Write --label-smoothing."),
    "preset": others("Write --presets NAME."), "output": others("Write --output-dir."),
    "train-data": others("Write --train-shards: the directory that preprocess wrote."),
    "data-path": others("Write --train-shards: the directory that preprocess wrote."),
    "val-data": others("Write --val-shards."), "limit-memory": others("Write --memory-limit GiB."),
  ]

  private static let frozenModel: [String: ForeignOption] = [
    "load-in-8bit": loading("Write --base-weights int8, which a frozen language model is kept in."),
    "load-in-4bit": loading("Write --base-weights int8: no model of 4 bits is trained here."),
    "bits": others("Write --base-weights int8 for 8."),
    "weights": ForeignOption(
      origin: "an option of infer and evaluate",
      remedy: "In training it is --base-weights, and --vision-weights for the vision encoder."),
    "mm-projector-type": ForeignOption(origin: "a name of LLaVA", remedy: "Write --projector mlp2x."),
    "torch-dtype": others("Write --precision bf16 or fp32."), "dtype": others("Write --precision bf16 or fp32."),
  ]

  private static let adapters: [String: ForeignOption] = [
    "lora-r": peft("Its r is --lora-rank here."), "lora-enable": others("Write --lora-rank 16."),
    "use-lora": others("Write --lora-rank 16."), "use-peft": others("Write --lora-rank 16."),
    "lora-target-modules": peft("Its target_modules are --lora-targets here."),
    "target-modules": peft("Write --lora-targets."),
    "use-rslora": peft("Write --rslora."),
    "use-dora": peft("Leave it out: adapters here are LoRA's, also rank-stabilised ones (--rslora)."),
    "modules-to-save": peft("The projector is trained whole with --unfreeze-projection-layer."),
    "adapter": others("A run here begins with new adapters: merge this one first, with infer merge."),
  ]

  private static func stage2(_ remedy: String) -> ForeignOption {
    ForeignOption(origin: "an option of train-stage2", remedy: remedy)
  }

  private static let ofStage2 = Dictionary(
    [
      "lora-rank", "lora-alpha", "lora-dropout", "lora-targets", "lora-lr", "lora-vision", "lora-projector", "rslora",
      "lora-r", "lora-target-modules",
    ].map { ($0, stage2("Adapters are trained there: leave it out, or train stage 2.")) }
      + ["unfreeze-llm", "unfreeze-projection-layer", "train-ve-first-epoch", "freeze-embeddings"].map {
        ($0, stage2("It decides what is trained there; here that is fixed: leave it out."))
      }
  ) { $1 }

  private static let ofLanguageModel: [String: ForeignOption] = [
    "base-weights": ForeignOption(
      origin: "an option of stages 1 and 2", remedy: "There is no language model in stage 0: leave it out."),
    "vision-weights": ForeignOption(
      origin: "an option of stages 1 and 2", remedy: "The vision encoder is trained in stage 0: leave it out."),
  ]

  private static let asking: [String: ForeignOption] = [
    "load-in-8bit": loading("Write --weights int8, and --vision-weights int8 for the vision encoder."),
    "load-in-4bit": loading("Write --weights int8: no model of 4 bits is asked here."),
    "base-weights": ForeignOption(
      origin: "an option of training", remedy: "Where a model is asked it is --weights."),
    "lora-path": others("Write --adapter DIR."), "adapter-name": others("Write --adapter DIR."),
    "peft-model": peft("Write --adapter DIR."), "model-path": others("Write --checkpoint DIR."),
    "model-base": ForeignOption(
      origin: "a name of LLaVA", remedy: "Write --checkpoint with the base, and --adapter DIR."),
    "model": others("Write --checkpoint DIR."), "max-tokens": others("Write --max-new-tokens."),
    "torch-dtype": others("Write --precision bf16 or fp32."), "dtype": others("Write --precision bf16 or fp32."),
    "bf16": trainer("Write --precision bf16."),
    "presets": ForeignOption(origin: "an option of training", remedy: "Leave it out."),
    "config": ForeignOption(
      origin: "an option of training", remedy: "The checkpoint says how it is asked: leave it out."),
    "per-device-eval-batch-size": trainer("Write --batch-size."),
  ]

  private static let oneQuestion: [String: ForeignOption] = [
    "image": others("Write --image-path."), "image-file": others("Write --image-path."),
    "prompt": others("Write --question."), "query": others("Write --question."),
  ]
}
