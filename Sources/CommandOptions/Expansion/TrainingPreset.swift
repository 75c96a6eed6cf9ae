/// Published values of options under one name, `--presets llava-1.5`: what this program's stage has of them.
enum TrainingPreset: String, CaseIterable {
  case llava15 = "llava-1.5"
  case llavaRad = "llava-rad"
  case projectionTrainer = "projection-trainer"
  case medgemmaLora = "medgemma-lora"

  /// The names, for errors and help.
  static let names = allCases.map(\.rawValue).joined(separator: ", ")

  /// Names and sources, for the help.
  static let help =
    "Published values of the options that are not given: "
    + allCases.map { "\($0.rawValue) (\($0.source))" }.joined(separator: ", ") + "."

  /// Where the values are published.
  var source: String {
    switch self {
    case .llava15: "Liu et al. 2023, github.com/haotian-liu/LLaVA, scripts/v1_5"
    case .llavaRad: "Zambrano Chaves et al. 2024, github.com/microsoft/LLaVA-Rad, scripts"
    case .projectionTrainer: "github.com/SabaPivot/ProjectionTrainer, Stage0 to Stage2"
    case .medgemmaLora:
      "github.com/google-health/medgemma, notebooks/fine_tune_with_hugging_face.ipynb; stage 2. It names no weight decay, "
        + "which is the 0 of transformers' TrainingArguments; head and embeddings, which it trains whole beside the "
        + "adapters, stay frozen"
    }
  }

  /// The options of a program; nil where the source has nothing for its stage.
  ///
  /// Batch sizes are those of all the machines of the source together. Rates, decay, schedule and the largest norm are
  /// named also where they are the source's defaults.
  func options(of program: String) -> [(name: String, value: String?)]? {
    switch (self, program) {
    case (.llava15, "train-stage1"), (.llavaRad, "train-stage1"):
      // 256 samples a step: 32 on each of 8 GPUs, or twice 32 on each of 4.
      [
        ("learning-rate", "1e-3"), ("batch-size", "32"), ("gradient-accumulation-steps", "8"), ("num-epochs", "1"),
        ("weight-decay", "0"), ("warmup-ratio", "0.03"), ("lr-schedule", "cosine"), ("max-grad-norm", "1"),
        ("projector", "mlp2x"),
      ]
    case (.llava15, "train-stage2"):
      [
        ("learning-rate", "2e-5"), ("batch-size", "16"), ("gradient-accumulation-steps", "8"), ("num-epochs", "1"),
        ("weight-decay", "0"), ("warmup-ratio", "0.03"), ("lr-schedule", "cosine"), ("max-grad-norm", "1"),
        ("unfreeze-llm", nil), ("unfreeze-projection-layer", nil),
      ]
    case (.llavaRad, "train-stage2"):
      [
        ("lora-rank", "64"), ("lora-alpha", "128"), ("lora-dropout", "0.05"), ("lora-targets", "all-linear"),
        ("lora-lr", "1e-4"), ("learning-rate", "1e-4"), ("batch-size", "16"), ("gradient-accumulation-steps", "4"),
        ("num-epochs", "3"), ("weight-decay", "0"), ("warmup-ratio", "0.03"), ("lr-schedule", "cosine"),
        ("max-grad-norm", "1"), ("unfreeze-projection-layer", nil),
      ]
    case (.projectionTrainer, "train-stage0"):
      // The values of its script that starts the run; freezing is the script's default and this program's.
      [
        ("learning-rate", "5e-5"), ("batch-size", "16"), ("gradient-accumulation-steps", "4"), ("num-epochs", "100"),
        ("weight-decay", "0.01"), ("warmup-ratio", "0.05"), ("max-text-len", "64"), ("drop-last", nil),
      ]
    case (.projectionTrainer, "train-stage1"):
      [
        ("learning-rate", "3e-5"), ("batch-size", "1"), ("gradient-accumulation-steps", "2"), ("num-epochs", "10"),
        ("weight-decay", "0.01"), ("warmup-ratio", "0.05"), ("lr-schedule", "cosine"), ("max-grad-norm", "5"),
      ]
    case (.projectionTrainer, "train-stage2"):
      [
        ("lora-rank", "16"), ("lora-alpha", "32"), ("lora-dropout", "0.05"),
        ("lora-targets", "q_proj,k_proj,v_proj,o_proj,gate_proj,up_proj,down_proj"), ("lora-lr", "1e-4"),
        ("learning-rate", "1e-4"), ("batch-size", "1"), ("gradient-accumulation-steps", "8"), ("num-epochs", "5"),
        ("weight-decay", "0.01"), ("warmup-ratio", "0.05"), ("lr-schedule", "cosine"), ("max-grad-norm", "1"),
        ("max-q-len", "128"), ("max-a-len", "512"),
      ]
    case (.medgemmaLora, "train-stage2"):
      [
        ("lora-rank", "16"), ("lora-alpha", "16"), ("lora-dropout", "0.05"), ("lora-targets", "all-linear"),
        ("lora-vision", nil), ("lora-lr", "2e-4"), ("learning-rate", "2e-4"), ("batch-size", "4"),
        ("gradient-accumulation-steps", "4"), ("num-epochs", "1"), ("weight-decay", "0"), ("warmup-ratio", "0.03"),
        ("lr-schedule", "linear"), ("max-grad-norm", "0.3"), ("supervise", "all"),
      ]
    default: nil
    }
  }
}
